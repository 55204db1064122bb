// Reads pasted lines and CSV or TSV files into rows, a little at a time so that the page stays alive.

const BREATH = 12; // milliseconds of work between two breaths

let since = 0;
/** Lets the page do what waits, when enough has been worked. */
export async function breathe() {
  if (performance.now() - since < BREATH) return;
  await new Promise((resume) => { setTimeout(resume); });
  since = performance.now();
}

/** The text of a file's bytes: UTF-8, UTF-16 with a mark, or Shift_JIS. */
export function decoded(bytes) {
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(bytes);
  } catch {
    return new TextDecoder('shift_jis').decode(bytes);
  }
}

/** What separates the cells: a tab, or in a .csv file a comma or semicolon; '' for plain lines. */
export function separator(name, text) {
  const first = text.slice(0, text.search(/[\r\n]|$/));
  if (first.includes('\t')) return '\t';
  if (!/\.csv$/i.test(name)) return '';
  return !first.includes(',') && first.includes(';') ? ';' : ',';
}

/** Rows of cells; blank lines are left out. Quoted cells may hold separators and line ends. */
export async function parsed(text, between) {
  const rows = [];
  if (!between) {
    for (const line of text.split(/\r\n|\r|\n/)) {
      if (line.trim()) rows.push([line]);
      if (rows.length % 500 === 0) await breathe();
    }
    return rows;
  }
  const end = new RegExp(`[${between}\r\n]`, 'g');
  let row = [];
  let at = 0;
  while (at < text.length) {
    let cell = '';
    let next = at;
    if (text[at] === '"') {
      let close = text.indexOf('"', at + 1);
      while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
      const stop = close < 0 ? text.length : close;
      cell = text.slice(at + 1, stop).replaceAll('""', '"');
      next = stop + 1;
    }
    end.lastIndex = next;
    const found = end.exec(text);
    const stop = found ? found.index : text.length;
    row.push(cell + text.slice(next, stop));
    at = stop + 1;
    if (found && found[0] === between && at < text.length) continue;
    if (found && found[0] === between) row.push('');
    if (row.some((each) => each.trim())) rows.push(row);
    row = [];
    if (found && found[0] === '\r' && text[at] === '\n') at += 1;
    if (rows.length % 200 === 0) await breathe();
  }
  return rows;
}

const SENTENCE = /^(feature|sentence|text|q|question|文|文章|本文|テキスト|質問)s?$/i;
const LABEL = /^(label|class|category|topic|ラベル|分類|カテゴリー?|正解)s?$/i;

/** {header, sentence, label}: which columns are meant; label -1: none. */
export function columns(rows, labels) {
  const width = Math.max(...rows.slice(0, 50).map((row) => row.length));
  const named = (pattern) => rows[0].findIndex((cell) => pattern.test(cell.trim()));
  const header = named(SENTENCE) >= 0 || named(LABEL) >= 0;
  const some = rows.slice(header ? 1 : 0, 50);
  const places = [...Array(width).keys()];
  const known = (place) => some.filter((row) => labels.has((row[place] || '').trim())).length;
  let label = header ? named(LABEL) : -1;
  if (label < 0) label = places.find((place) => width > 1 && some.length && known(place) >= some.length * 0.8) ?? -1;
  let sentence = header ? named(SENTENCE) : -1;
  if (sentence < 0) {
    const length = (place) => some.reduce((sum, row) => sum + (row[place] || '').length, 0);
    const others = places.filter((place) => place !== label);
    sentence = others.reduce((best, place) => (length(place) > length(best) ? place : best), others[0] ?? 0);
  }
  return {header, sentence, label, width};
}

/** A CSV text of rows; with a byte order mark, so that Excel reads it as UTF-8. */
export async function written(rows) {
  const parts = ['\ufeff'];
  for (const row of rows) {
    parts.push(`${row.map(cellOf).join(',')}\r\n`);
    if (parts.length % 500 === 0) await breathe();
  }
  return new Blob(parts, {type: 'text/csv;charset=utf-8'});
}

function cellOf(value) {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
