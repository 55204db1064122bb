"""nginx's own answers: its HTML error pages."""

from hosting.http.messages import REASONS, Response

_PAGE = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
    "<center><h1>{heading}</h1></center>\r\n{detail}<hr><center>nginx</center>\r\n"
    "</body>\r\n</html>\r\n"
)

# nginx keeps no connection open after these.
_CLOSING = frozenset([400, 413, 414, 431, 500, 501, 505])
_WITH_PAGE = frozenset([*range(400, 407), *range(408, 417), 421, 429, *range(500, 506), 507])


def html(status):
    """(status, body) of the page for a status; what a client sees of 431 is 400."""
    if status == 431:
        detail = "Request Header Or Cookie Too Large"
        return 400, _PAGE.format(
            title="400 " + detail,
            heading="400 Bad Request",
            detail=f"<center>{detail}</center>\r\n",
        ).encode()
    if status not in _WITH_PAGE:
        return status, b""
    text = "%d %s" % (status, {405: "Not Allowed"}.get(status) or REASONS[status])
    return status, _PAGE.format(title=text, heading=text, detail="").encode()


def page(status):
    """The HTML page for a status, as nginx answers when it has nobody else's answer."""
    close = status in _CLOSING
    status, body = html(status)
    return Response(status, body, "text/html" if body else None, close=close)
