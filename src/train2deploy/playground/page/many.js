// Many sentences: read, classified in batches, shown a page at a time, downloaded.

import {h} from './ranking.js';
import {breathe, columns, decoded, parsed, separator, written} from './rows.js';
import {matrix} from './matrix.js';
import {percent, t} from './texts.js';
import {invoke, rankings} from './wire.js';

const $ = (id) => document.getElementById(id);
const AT_ONCE = 50; // sentences of a call, as cloud/invocations.py sends them
const CHARACTERS = 200_000; // of a call at most
const REFUSED = [400, 413, 500]; // statuses that a sentence of the batch may be the cause of
const CALLS = 2; // under way at a time
const PAUSE = 400; // milliseconds after the last letter of a line
const PER_PAGE = 25;
const LARGEST_MB = 20;
const LONGEST_IN_BOX = 4000; // pasted characters that the box itself shows

let about;
let sides;
let source = null; // {name, rows}
let rows = []; // {number, sentence, given, answers: {a: {label, prob, error}}}
let run = 0;
let finished = null; // {seconds}
let page = 0;
let order = {key: 'number', down: false};

export function setUpMany(known, made) {
  [about, sides] = [known, made];
  const lines = $('lines');
  lines.addEventListener('paste', (event) => {
    const text = event.clipboardData.getData('text/plain');
    if (text.length <= LONGEST_IN_BOX) return;
    event.preventDefault(); // a box with thousands of lines is slow, and shows no more
    load('', text);
  });
  let timer = 0;
  const typed = (event) => {
    clearTimeout(timer);
    if (!event.isComposing) timer = setTimeout(() => load('', lines.value), PAUSE);
  };
  lines.addEventListener('input', typed);
  lines.addEventListener('compositionend', typed);
  $('file').addEventListener('change', () => $('file').files[0] && open($('file').files[0]));
  // A file may be dropped anywhere: elsewhere the browser would leave the page for it.
  const hasFile = (event) => event.dataTransfer.types.includes('Files');
  document.addEventListener('dragover', (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    $('drop').classList.add('over');
  });
  document.addEventListener('dragleave', () => $('drop').classList.remove('over'));
  document.addEventListener('drop', (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    $('drop').classList.remove('over');
    if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
  });
  for (const id of ['sentence-column', 'label-column', 'header']) $(id).addEventListener('change', prepare);
  $('run').addEventListener('click', classify);
  $('stop').addEventListener('click', () => { run += 1; settle(); });
  $('only').addEventListener('change', () => { page = 0; show(); });
  $('previous').addEventListener('click', () => { page -= 1; show(); });
  $('next').addEventListener('click', () => { page += 1; show(); });
  $('download').addEventListener('click', download);
  $('table').addEventListener('click', (event) => {
    const key = event.target.closest('button')?.dataset.key;
    if (key) sortBy(key);
  });
}

export function speakMany() {
  if (!source) return;
  fillColumns();
  show();
  summarise();
}

// ---- reading ----

async function open(file) {
  if (file.size > LARGEST_MB * 1e6) return fail(t('too_large', {name: file.name, limit: LARGEST_MB}));
  return load(file.name, decoded(await file.arrayBuffer()));
}

function fail(text) {
  $('many-error').textContent = text;
}

async function load(name, text) {
  const mine = run += 1;
  fail('');
  const found = await parsed(text.replace(/^\ufeff/, ''), separator(name, text));
  if (mine !== run) return;
  if (!found.length) {
    $('loaded').hidden = true;
    if (name || text) fail(t('nothing_in_it', {name: name || t('pasted')}));
    return;
  }
  const labels = new Set(sides.flatMap((side) => side.facts.labels));
  source = {name, rows: found, ...columns(found, labels)};
  $('header').checked = source.header;
  $('loaded').hidden = false;
  fillColumns(source.sentence, source.label);
  prepare();
  if (about.kind !== 'cloud') classify(); // there, a call is asked for
}

function fillColumns(sentence = Number($('sentence-column').value), label = Number($('label-column').value)) {
  const first = source.rows[0];
  const named = (place) => ($('header').checked && first[place]) || t('column', {number: place + 1});
  const options = [...Array(source.width).keys()].map((place) => [place, named(place)]);
  for (const [id, chosen, more] of [['sentence-column', sentence, []], ['label-column', label, [[-1, t('none')]]]]) {
    $(id).replaceChildren(...[...more, ...options].map(([value, text]) => h('option', {value}, text)));
    $(id).value = String(chosen);
  }
}

function prepare() {
  run += 1;
  const [sentence, label] = ['sentence-column', 'label-column'].map((id) => Number($(id).value));
  rows = source.rows.slice($('header').checked ? 1 : 0).map((cells, place) => ({
    number: place + 1,
    sentence: (cells[sentence] || '').toWellFormed(),
    given: label < 0 ? '' : (cells[label] || '').trim(),
    answers: {},
  }));
  finished = null;
  page = 0;
  order = {key: 'number', down: false};
  $('loaded-what').textContent = t('loaded', {name: source.name || t('pasted'), count: rows.length});
  $('many-cost').hidden = about.kind === 'local';
  $('many-cost').textContent = t('cost_many', {count: rows.length, calls: Math.ceil(rows.length / AT_ONCE)});
  $('progress').value = 0;
  $('progress-text').textContent = '';
  fillColumns();
  show();
  summarise();
}

// ---- asking ----

async function classify() {
  const mine = run += 1;
  const started = performance.now();
  for (const row of rows) row.answers = {};
  finished = null;
  $('run').hidden = true;
  $('stop').hidden = false;
  const batches = cut();
  const total = batches.length * sides.length;
  let done = 0;
  const waiting = batches.flatMap((batch) => sides.map((side) => [side, batch]));
  const worker = async () => {
    while (waiting.length && mine === run) {
      const [side, batch] = waiting.shift();
      await ask(side, batch);
      if (mine !== run) return;
      done += 1;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      $('progress').value = done / total;
      $('progress-text').textContent = t('done', {count: Math.floor((rows.length * done) / total), total: rows.length, seconds});
      if (batch[0].number <= (page + 1) * PER_PAGE) show();
      await breathe();
    }
  };
  await Promise.all(Array.from({length: CALLS}, worker));
  if (mine !== run) return;
  finished = {seconds: (performance.now() - started) / 1000};
  $('progress').value = 1;
  $('progress-text').textContent = t('done', {count: rows.length, total: rows.length, seconds: finished.seconds.toFixed(1)});
  settle();
}

function settle() {
  $('run').hidden = false;
  $('stop').hidden = true;
  show();
  summarise();
}

/** Batches of rows; a sentence without a character is asked of nobody. */
function cut() {
  const batches = [];
  let size = Infinity;
  for (const row of rows) {
    if (!row.sentence.trim()) {
      for (const side of sides) row.answers[side.name] = {error: t('empty_row')};
      continue;
    }
    const last = batches.at(-1);
    if (!last || last.length >= AT_ONCE || size + row.sentence.length > CHARACTERS) {
      batches.push([row]);
      size = row.sentence.length;
    } else {
      last.push(row);
      size += row.sentence.length;
    }
  }
  return batches;
}

/** One call; where it is refused, halves of it, until the sentence that is meant stands alone. */
async function ask(side, batch) {
  const mayBeUnknown = side.facts.unknown === true && $('unknown').checked;
  const body = JSON.stringify({q: batch.map((row) => row.sentence), ...(mayBeUnknown ? {unknown: true} : {})});
  let answer;
  try {
    answer = await invoke(side.name, body);
  } catch (error) {
    answer = {status: 0, text: String(error)};
  }
  const found = answer.status === 200 ? rankings(answer.text) : null;
  if (found && found.length === batch.length) {
    batch.forEach((row, place) => {
      const [first, second] = found[place].labels;
      row.answers[side.name] = {label: first.label, prob: first.prob ?? second?.prob ?? null};
    });
  } else if (batch.length > 1 && REFUSED.includes(answer.status)) {
    const half = Math.ceil(batch.length / 2);
    await ask(side, batch.slice(0, half));
    await ask(side, batch.slice(half));
  } else {
    for (const row of batch) row.answers[side.name] = {error: answer.text.slice(0, 300) || t('no_answer')};
  }
}

// ---- showing ----

function keys() {
  const two = sides.length > 1;
  const hasLabels = Number($('label-column').value) >= 0;
  const named = (key, side) => (two ? t(`${key}_of`, {side: side.name.toUpperCase()}) : t(key));
  return [
    {key: 'number', title: t('number'), of: (row) => row.number, number: true},
    {key: 'sentence', title: t('sentence'), of: (row) => row.sentence},
    ...(hasLabels ? [{key: 'given', title: t('given'), of: (row) => row.given}] : []),
    ...sides.flatMap((side) => [
      {key: `label-${side.name}`, title: named('predicted', side), of: (row) => row.answers[side.name]?.label ?? row.answers[side.name]?.error ?? '', side: side.name},
      {key: `prob-${side.name}`, title: named('probability', side), of: (row) => row.answers[side.name]?.prob ?? null, number: true, probability: true},
    ]),
  ];
}

function differs(row) {
  const said = sides.map((side) => row.answers[side.name]?.label);
  const wanted = Number($('label-column').value) >= 0 ? [row.given] : [];
  return said.every((label) => label !== undefined) && new Set([...wanted, ...said]).size > 1;
}

const shown = () => ($('only').checked && !$('only-option').hidden ? rows.filter(differs) : rows);

function sortBy(key) {
  order = {key, down: order.key === key ? !order.down : false};
  const {of, number} = keys().find((each) => each.key === key);
  const compare = number ? (a, b) => (of(a) ?? -1) - (of(b) ?? -1) : (a, b) => (of(a) < of(b) ? -1 : of(a) > of(b) ? 1 : 0);
  rows.sort((a, b) => (order.down ? -1 : 1) * compare(a, b) || a.number - b.number);
  page = 0;
  show();
}

function show() {
  const all = keys();
  $('only-option').hidden = !(Number($('label-column').value) >= 0 || sides.length > 1);
  const chosen = shown();
  const last = Math.max(0, Math.ceil(chosen.length / PER_PAGE) - 1);
  page = Math.min(Math.max(page, 0), last);
  const from = page * PER_PAGE;
  const some = chosen.slice(from, from + PER_PAGE);
  const [head, body] = [$('table').tHead, $('table').tBodies[0]];
  const focused = document.activeElement?.dataset?.key;
  head.replaceChildren(h('tr', {}, ...all.map(({key, title, number}) => {
    const sorted = order.key === key ? (order.down ? 'descending' : 'ascending') : 'none';
    return h('th', {scope: 'col', 'aria-sort': sorted, class: number ? 'number' : ''}, h('button', {type: 'button', 'data-key': key}, title));
  })));
  body.replaceChildren(...some.map((row) => h('tr', {class: differs(row) ? 'differs' : ''}, ...all.map((column) => cell(row, column)))));
  if (focused) head.querySelector(`[data-key="${focused}"]`)?.focus();
  $('page').textContent = t('page', {from: chosen.length ? from + 1 : 0, to: from + some.length, total: chosen.length});
  $('previous').disabled = page === 0;
  $('next').disabled = page === last;
}

function cell(row, {of, number, probability, side}) {
  const value = of(row);
  const text = value === null ? '' : probability ? percent(value) : String(value);
  const classes = [number ? 'number' : '', side && row.answers[side]?.error ? 'error' : ''];
  return h('td', {class: classes.join(' ').trim()}, text.length > 300 ? `${text.slice(0, 299)}…` : text);
}

function summarise() {
  const two = sides.length > 1;
  const hasLabels = Number($('label-column').value) >= 0;
  const lines = [];
  const tables = [];
  const pairs = (one, other) => rows.map((row) => [one(row), other(row)]).filter(([a, b]) => a !== undefined && b !== undefined && a !== '');
  const said = (side) => (row) => row.answers[side.name]?.label;
  if (finished && hasLabels) {
    for (const side of sides) {
      const found = pairs((row) => row.given, said(side));
      const values = {side: side.name.toUpperCase(), ...share(found, 'right')};
      lines.push(t(two ? 'right_of' : 'right', values));
      tables.push(matrix(found, two ? t('matrix_of', values) : t('matrix'), t('given'), two ? t('predicted_of', values) : t('predicted'), t('recall')));
    }
  }
  if (finished && two) {
    const found = pairs(said(sides[0]), said(sides[1]));
    lines.push(t('both', share(found, 'same')));
    const [a, b] = sides.map((side) => t('predicted_of', {side: side.name.toUpperCase()}));
    tables.push(matrix(found, t('matrix_both'), a, b));
  }
  const failed = rows.filter((row) => Object.values(row.answers).some((answer) => answer.error)).length;
  if (failed) lines.push(t('failed', {count: failed}));
  $('summary').replaceChildren(...lines.map((line) => h('p', {}, line)));
  $('matrices').replaceChildren(...tables);
}

function share(found, name) {
  const same = found.filter(([a, b]) => a === b).length;
  return {[name]: same, count: found.length, percent: percent(found.length ? same / found.length : 0)};
}

async function download() {
  const all = keys();
  const lines = [all.map((column) => column.title), ...shown().map((row) => all.map((column) => column.of(row)))];
  const url = URL.createObjectURL(await written(lines));
  const link = h('a', {href: url, download: `${(source.name || 'lines').replace(/\.\w+$/, '')}-answers.csv`});
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
