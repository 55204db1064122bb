"""The content type that nginx gives to its own answers: by the extension of the address."""

DEFAULT = "application/json"  # nginx.conf's default_type

# Top-level type: subtype, its extensions; …
_EXTENSIONS = {
    "application": (
        "atom+xml atom; java-archive ear jar war; javascript js; json json; "
        "mac-binhex40 hqx; msword doc; octet-stream bin deb dll dmg exe img iso msi msm msp; "
        "pdf pdf; postscript ai eps ps; rss+xml rss; rtf rtf; vnd.apple.mpegurl m3u8; "
        "vnd.google-earth.kml+xml kml; vnd.google-earth.kmz kmz; vnd.ms-excel xls; "
        "vnd.ms-fontobject eot; vnd.ms-powerpoint ppt; vnd.oasis.opendocument.graphics odg; "
        "vnd.oasis.opendocument.presentation odp; vnd.oasis.opendocument.spreadsheet ods; "
        "vnd.oasis.opendocument.text odt; "
        "vnd.openxmlformats-officedocument.presentationml.presentation pptx; "
        "vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx; "
        "vnd.openxmlformats-officedocument.wordprocessingml.document docx; "
        "vnd.wap.wmlc wmlc; wasm wasm; x-7z-compressed 7z; x-cocoa cco; "
        "x-java-archive-diff jardiff; x-java-jnlp-file jnlp; x-makeself run; x-perl pl pm; "
        "x-pilot pdb prc; x-rar-compressed rar; x-redhat-package-manager rpm; x-sea sea; "
        "x-shockwave-flash swf; x-stuffit sit; x-tcl tcl tk; x-x509-ca-cert crt der pem; "
        "x-xpinstall xpi; xhtml+xml xhtml; xspf+xml xspf; zip zip"
    ),
    "audio": ("midi kar mid midi; mpeg mp3; ogg ogg; x-m4a m4a; x-realaudio ra"),
    "font": ("woff woff; woff2 woff2"),
    "image": (
        "avif avif; gif gif; jpeg jpeg jpg; png png; svg+xml svg svgz; tiff tif tiff; "
        "vnd.wap.wbmp wbmp; webp webp; x-icon ico; x-jng jng; x-ms-bmp bmp"
    ),
    "text": (
        "css css; html htm html shtml; mathml mml; plain txt; "
        "vnd.sun.j2me.app-descriptor jad; vnd.wap.wml wml; x-component htc; xml xml"
    ),
    "video": (
        "3gpp 3gp 3gpp; mp2t ts; mp4 mp4; mpeg mpeg mpg; quicktime mov; webm webm; "
        "x-flv flv; x-m4v m4v; x-mng mng; x-ms-asf asf asx; x-ms-wmv wmv; x-msvideo avi"
    ),
}

_TYPES = {
    extension: f"{top}/{subtype}"
    for top, entries in _EXTENSIONS.items()
    for subtype, *extensions in map(str.split, entries.split("; "))
    for extension in extensions
}


def content_type(path):
    """The type for a normalised path.

    >>> content_type('/favicon.ico'), content_type('/invocations'), content_type('/.txt')
    ('image/x-icon', 'application/json', 'application/json')
    """
    name, dot, extension = path.rpartition("/")[2].rpartition(".")
    return _TYPES.get(extension.lower(), DEFAULT) if name and dot else DEFAULT
