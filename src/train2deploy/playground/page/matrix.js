// A table of two labellings of the same sentences: what was given against what was answered.

import {h} from './ranking.js';
import {percent} from './texts.js';

/** Args: pairs of labels, the table's caption, what its rows and columns are, and the rows' share. */
export function matrix(pairs, caption, rows, columns, share = '') {
  const labels = [...new Set(pairs.flat())].sort();
  const counts = new Map();
  for (const pair of pairs) counts.set(pair.join('\0'), (counts.get(pair.join('\0')) || 0) + 1);
  const count = (a, b) => counts.get(`${a}\0${b}`) || 0;
  const most = Math.max(1, ...counts.values());
  const head = h('tr', {}, h('th', {scope: 'col'}, `${rows} ＼ ${columns}`),
    ...labels.map((label) => h('th', {scope: 'col'}, label)), ...(share ? [h('th', {scope: 'col'}, share)] : []));
  const body = labels.map((a) => {
    const total = labels.reduce((sum, b) => sum + count(a, b), 0);
    const cells = labels.map((b) => {
      const made = h('td', {class: a === b ? 'number same' : 'number'}, String(count(a, b)));
      made.style.setProperty('--weight', (count(a, b) / most).toFixed(3));
      return made;
    });
    const found = share ? [h('td', {class: 'number'}, total ? percent(count(a, a) / total) : '')] : [];
    return h('tr', {}, h('th', {scope: 'row'}, a), ...cells, ...found);
  });
  const table = h('table', {class: 'matrix'}, h('caption', {}, caption), h('thead', {}, head), h('tbody', {}, ...body));
  return h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption}, table);
}
