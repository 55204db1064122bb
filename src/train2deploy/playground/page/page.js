// The page: asks as one types, shows what came, and hands many sentences to many.js.

import {drawRanking, drawTokens, h, makeSide} from './ranking.js';
import {setUpMany, speakMany} from './many.js';
import {language, percent, speak, t} from './texts.js';
import {asBoto3, asCommand, invoke, JSON_TYPE, rankings, tokens} from './wire.js';

const $ = (id) => document.getElementById(id);
const PAUSE = {local: 10, emulator: 150, cloud: 400};
const KEPT_CALLS = 1000;
const LONGEST = 20_000; // characters whose tokens are asked for, and that a box shows

const about = await (await fetch('/about')).json();
const names = Object.keys(about.sides);
const two = names.length > 1;
const sides = names.map((name) => ({...makeSide(name, two), facts: about.sides[name], calls: [], drawn: 0, last: null}));

let asked = 0; // the number of the last request
let composing = false;
let timer = 0;
let pressed = 0; // when the key was pressed that the next ranking answers

// ---- asking ----

function later(event) {
  pressed = event.timeStamp;
  clearTimeout(timer);
  if (composing || event.isComposing || !$('live').checked) return;
  timer = setTimeout(askSentence, PAUSE[about.kind]);
}

function askSentence() {
  clearTimeout(timer);
  const sentence = $('sentence').value;
  const number = ++asked;
  for (const side of sides) askSide(side, number, sentence);
}

async function askSide(side, number, sentence) {
  const start = pressed;
  const isRead = side.facts.tokens && sentence.length <= LONGEST;
  const read = isRead ? tokens(side.name, sentence).catch(() => null) : Promise.resolve(null);
  const body = sentenceBody(side, sentence);
  const answer = await call(side, body, JSON_TYPE);
  const refused = ['explain', 'unknown'].find((name) => side.facts[name] === null && answer.text.includes(`\\"${name}\\"`));
  if (refused && answer.status !== 200) { // it was not known whether the model can
    side.facts[refused] = false;
    showOptions();
    if (number === asked) askSide(side, number, sentence);
    return;
  }
  const exchange = {sentence, body, type: JSON_TYPE, answer};
  draw(side, number, exchange);
  read.then((found) => {
    exchange.read = found;
    if (side.last === exchange) showTokens(side);
  });
  if (start) requestAnimationFrame(() => performance.measure('key to ranking', {
    start, end: performance.now(), detail: {model: answer.milliseconds},
  }));
}

function sentenceBody(side, sentence) {
  const options = ['explain', 'unknown'].filter((name) => side.facts[name] !== false && $(name).checked);
  return `{${[`"q": ${JSON.stringify(sentence)}`, ...options.map((name) => `"${name}": true`)].join(', ')}}`;
}

async function call(side, body, type) {
  try {
    return await invoke(side.name, body, type);
  } catch (error) {
    return {status: 0, type: '', text: String(error), milliseconds: 0};
  }
}

// ---- showing ----

function draw(side, number, exchange) {
  if (number < side.drawn) return; // a later one is there already
  side.drawn = number;
  side.last = exchange;
  if (exchange.answer.status === 200) side.calls = [...side.calls, exchange.answer.milliseconds].slice(-KEPT_CALLS);
  show(side);
}

function show(side) {
  side.label();
  if (!side.last) return;
  const {sentence, body, type, answer} = side.last;
  side.found = alone(answer);
  side.first = drawRanking(side, sentence, answer, side.found, side.calls);
  showTokens(side);
  put(side.requestText, `POST /invocations\nContent-Type: ${type}\n\n${body}`);
  put(side.answerText, `${answer.status || ''} ${answer.type}\n\n${answer.text}`.trim());
  if (side === sides[0]) {
    put($('curl'), asCommand(about, side.facts.url, body, type));
    put($('boto3'), asBoto3(about, body, type, sentence));
  }
  compare();
  speakAloud();
  showCost();
}

/** Shows a text, of a long one its beginning; all of it is copied. */
function put(box, text) {
  box.whole = text;
  box.textContent = text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}… (${text.length})`;
}

/** The ranking of an answer to one sentence. */
function alone(answer) {
  const found = answer.status === 200 ? rankings(answer.text) : null;
  return found && found.length === 1 ? found[0] : null;
}

/** Those of the last sentence stay until the next ones are there. */
function showTokens(side) {
  const weighed = side.found && side.found.tokens;
  const said = weighed ? weighed.map(({token}) => [token, null, true, true]) : null;
  if (side.last.read !== undefined) drawTokens(side, side.last.read || said, weighed && weighed.map(({weight}) => weight));
}

function compare() {
  const [a, b] = sides.map((side) => side.first);
  const both = two && a && b && sides[0].drawn === sides[1].drawn;
  $('agreement').hidden = !both;
  if (!both) return;
  const said = (first) => (first.prob === null ? first.label : `${first.label} ${percent(first.prob)}`);
  const same = a.label === b.label;
  $('agreement').textContent = same ? t('agree', {a: a.label}) : t('disagree', {a: said(a), b: said(b)});
  $('agreement').className = same ? 'same' : 'differs';
}

let speaking = 0;
function speakAloud() { // once typing pauses: not every letter's ranking is worth hearing
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    $('spoken').textContent = sides.map((side) => {
      const {first} = side;
      if (!first) return side.note.textContent;
      if (first.prob === null) return t('unsure');
      const values = {side: side.name.toUpperCase(), label: first.label, percent: percent(first.prob)};
      return t(two ? 'spoken_side' : 'spoken', values);
    }).join('. ');
  }, 600);
}

function showCost() {
  const {cost} = about;
  if (!cost) return;
  $('cost').hidden = false;
  const usd = cost.usd_an_hour;
  const values = {instances: cost.instances, source: cost.source, usd: usd === null ? '' : usd.toFixed(3)};
  if (usd === null) { $('cost').textContent = t('cost_unknown', values); return; }
  const calls = sides[0].calls.toSorted((x, y) => x - y);
  const milliseconds = calls.length ? calls[Math.ceil(calls.length / 2) - 1] : 100;
  const hours = milliseconds / 3600;
  $('cost').textContent = t(`cost_${about.kind}`, {...values, hours: hours.toFixed(0), million: (hours * usd).toFixed(2)});
}

function showOptions() {
  for (const name of ['explain', 'unknown']) {
    $(`${name}-option`).hidden = !sides.some((side) => side.facts[name] !== false);
  }
}

// ---- setting up ----

function say(wanted) {
  speak(wanted);
  try { localStorage.setItem('language', language); } catch { /* a browser may keep nothing */ }
  const [a, b] = sides.map((side) => side.facts);
  $('where').textContent = about.kind !== 'local' ? t(`where_${about.kind}`, about)
    : two ? t('where_two', {a: a.title, b: b.title})
      : t(a.title ? 'where_local' : 'where_local_unnamed', a);
  document.querySelector('[data-t="as_curl"]').textContent = t(about.kind === 'local' ? 'as_curl' : 'as_aws');
  for (const button of document.querySelectorAll('#examples button')) button.firstChild.textContent = t(`example_${button.dataset.kind}`);
  for (const side of sides) {
    const values = {side: side.name.toUpperCase()};
    side.requestTitle.textContent = two ? t('request_of', values) : t('request');
    side.answerTitle.textContent = two ? t('answer_of', values) : t('answer');
    if (!side.last) side.note.textContent = t('nothing_yet');
    show(side);
  }
  showCost();
  speakMany();
}

function wireBoxes(side) {
  side.requestTitle = h('span');
  side.answerTitle = h('span');
  side.requestText = h('pre', {id: `request-${side.name}`, tabindex: '0'});
  side.answerText = h('pre', {id: `answer-${side.name}`, tabindex: '0'});
  for (const [title, text] of [[side.requestTitle, side.requestText], [side.answerTitle, side.answerText]]) {
    const button = h('button', {type: 'button', 'data-copy': text.id, 'data-t': 'copy'});
    $('exchanges').append(h('figure', {}, h('figcaption', {}, title, button), text));
  }
}

async function copy(button) {
  const text = $(button.dataset.copy).whole || '';
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection().selectAllChildren($(button.dataset.copy));
    document.execCommand('copy');
  }
  button.textContent = t('copied');
  setTimeout(() => { button.textContent = t('copy'); }, 1500);
}

function listen() {
  const sentence = $('sentence');
  sentence.addEventListener('compositionstart', () => { composing = true; clearTimeout(timer); });
  sentence.addEventListener('compositionend', (event) => { composing = false; later(event); });
  sentence.addEventListener('input', later);
  sentence.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    pressed = event.timeStamp;
    askSentence();
  });
  $('form').addEventListener('submit', (event) => { event.preventDefault(); askSentence(); });
  for (const name of ['explain', 'unknown']) $(name).addEventListener('change', askSentence);
  $('own-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const [body, type, number] = [$('own-body').value, $('own-type').value, ++asked];
    for (const side of sides) {
      draw(side, number, {sentence: null, body, type, answer: await call(side, body, type), read: null});
    }
  });
  document.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    if (button.dataset.copy) copy(button);
    if (button.dataset.language) say(button.dataset.language);
    if (button.dataset.sentence !== undefined) {
      sentence.value = button.dataset.sentence;
      pressed = event.timeStamp;
      askSentence();
    }
  });
}

function setUp() {
  for (const side of sides) {
    $('sides').append(side.root);
    wireBoxes(side);
  }
  for (const [kind, text] of about.examples) {
    const shown = text ? h('span', {lang: kind === 'own' ? null : 'ja'}, text) : '';
    $('examples').append(h('button', {type: 'button', 'data-kind': kind, 'data-sentence': text}, h('b'), shown));
  }
  const reads = sides.every((side) => side.facts.reads_sentences);
  $('live').checked = about.kind !== 'cloud';
  $('own').open = !reads;
  $('own-body').value = sides[0].facts.request || '{"q": "電波が悪い"}';
  for (const id of ['form', 'many']) $(id).hidden = !reads;
  showOptions();
  setUpMany(about, sides);
  let kept = null;
  try { kept = localStorage.getItem('language'); } catch { /* as above */ }
  listen();
  say(kept || (navigator.language.startsWith('ja') ? 'ja' : 'en'));
}

setUp();
