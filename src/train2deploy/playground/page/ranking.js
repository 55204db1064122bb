// Draws a side's ranking and tokens.

import {percent, t} from './texts.js';

const MOST_TOKENS = 400;

/** A new element: h('p', {class: 'x'}, 'text', element, …). */
export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children);
  return made;
}

/** The boxes of a side, empty: {root, list, tokens, …}. */
export function makeSide(name, two) {
  const side = {
    name,
    title: h('h3', {id: `ranking-${name}`}),
    what: h('p', {class: 'hint what'}),
    list: h('ol', {class: 'ranking', 'aria-labelledby': `ranking-${name}`}),
    error: h('pre', {class: 'error', tabindex: '0', hidden: true}),
    note: h('p', {class: 'hint'}, t('nothing_yet')),
    latency: h('p', {class: 'latency'}),
    tokensTitle: h('h3', {id: `tokens-${name}`}),
    tokensNote: h('p', {class: 'hint'}),
    tokens: h('ul', {class: 'tokens', 'aria-labelledby': `tokens-${name}`}),
    legend: h('p', {class: 'hint'}),
  };
  side.tokenBox = h('div', {hidden: true}, side.tokensTitle, side.tokensNote, side.tokens, side.legend);
  side.root = h('div', {class: 'side'}, side.title, side.what, side.note, side.list, side.error, side.latency, side.tokenBox);
  side.label = () => {
    const upper = name.toUpperCase();
    side.title.textContent = two ? t('ranking_of', {side: upper}) : t('ranking');
    side.tokensTitle.textContent = two ? t('tokens_of', {side: upper}) : t('tokens');
  };
  side.label();
  return side;
}

/** Bars for an answer, or what the endpoint said instead; gives the first label. */
export function drawRanking(side, sentence, answer, found, calls) {
  side.note.textContent = '';
  side.what.textContent = sentence === null ? '' : t('for', {sentence: shortened(sentence)});
  side.list.replaceChildren(...(found ? found.labels.map(bar) : []));
  side.error.hidden = answer.status === 200;
  side.error.textContent = '';
  if (answer.status !== 200) {
    side.note.textContent = answer.status ? t('answered_error', {status: answer.status}) : t('no_answer');
    side.error.textContent = answer.text;
  } else if (!found) {
    side.note.textContent = t('not_a_ranking');
  }
  side.latency.textContent = latency(calls);
  return found ? found.labels[0] : null;
}

function bar({label, prob}) {
  if (prob === null) return h('li', {class: 'unsure'}, t('unsure'));
  const fill = h('span', {class: 'fill'});
  fill.style.inlineSize = `${Math.max(0, Math.min(1, prob)) * 100}%`;
  return h('li', {}, h('span', {class: 'label'}, label), h('span', {class: 'prob'}, percent(prob)),
    h('span', {class: 'bar', 'aria-hidden': 'true'}, fill));
}

function latency(calls) {
  if (!calls.length) return '';
  const last = calls.at(-1).toFixed(1);
  const sorted = calls.toSorted((a, b) => a - b);
  const p50 = sorted[Math.ceil(sorted.length / 2) - 1].toFixed(1);
  return calls.length === 1 ? t('latency_one', {last}) : t('latency', {last, p50, count: calls.length});
}

/** Tokens with what the model made of them; `weights` are those of the tokens it sees. */
export function drawTokens(side, found, weights) {
  side.tokenBox.hidden = !found || !found.length;
  if (side.tokenBox.hidden) return;
  const seen = found.filter((each) => each[3]).length;
  const unseen = found.length - seen;
  const most = weights ? Math.max(...weights, 1e-9) : 0;
  const said = [t('tokens_count', {count: found.length})];
  const unknown = found.filter((each) => !each[2]).length;
  if (unknown) said.push(t('tokens_unknown', {count: unknown}));
  if (unseen) said.push(t('tokens_cut', {count: unseen, length: seen}));
  side.tokensNote.textContent = said.join(' · ');
  side.legend.textContent = t(weights ? 'legend_weight' : 'legend_index');
  const first = Math.max(0, found.length - MOST_TOKENS);
  side.tokens.replaceChildren(...found.slice(first).map(([token, index, known, isSeen], place) => {
    const weight = weights && isSeen ? weights[first + place - unseen + weights.length - seen] : null;
    return chip(token, index, known, isSeen, weight, most);
  }));
}

function chip(token, index, known, isSeen, weight, most) {
  const words = [index === null ? token : t('token_said', {token, index})];
  if (!known) words.push(t('said_unknown'));
  if (!isSeen) words.push(t('said_cut'));
  const classes = [known ? '' : 'unknown', isSeen ? '' : 'cut', weight === null ? '' : 'weighed'];
  const figure = weight === null ? String(index) : (weight * 100).toFixed(0);
  if (weight !== null) words.push(t('said_weight', {weight: (weight * 100).toFixed(1)}));
  const made = h('li', {class: classes.join(' ').trim(), title: words.join(', ')},
    h('span', {class: 'piece'}, token), h('span', {class: 'figure'}, figure));
  if (weight !== null) made.style.setProperty('--weight', (weight / most).toFixed(3));
  return made;
}

/** A long sentence as a heading shows it. */
export function shortened(text, most = 40) {
  const characters = [...text.replace(/\s+/g, ' ')];
  return characters.length <= most ? characters.join('') : `${characters.slice(0, most - 1).join('')}…`;
}
