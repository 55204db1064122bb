// A table of two labellings of the same sentences: what was given against what was answered.

import {h} from './ranking.js';
import {percent, t} from './texts.js';

/** Args: pairs of labels, the table's caption, what its rows and its columns are. */
export function matrix(pairs, caption, rows, columns) {
  const labels = [...new Set(pairs.flat())].sort();
  const counts = new Map();
  for (const pair of pairs) counts.set(pair.join('\0'), (counts.get(pair.join('\0')) || 0) + 1);
  const count = (a, b) => counts.get(`${a}\0${b}`) || 0;
  const most = Math.max(1, ...counts.values());
  const head = h('tr', {}, h('th', {scope: 'col'}, `${rows} ＼ ${columns}`),
    ...labels.map((label) => h('th', {scope: 'col'}, label)), h('th', {scope: 'col'}, t('recall')));
  const body = labels.map((a) => {
    const total = labels.reduce((sum, b) => sum + count(a, b), 0);
    const cells = labels.map((b) => {
      const made = h('td', {class: a === b ? 'number same' : 'number'}, String(count(a, b)));
      made.style.setProperty('--weight', (count(a, b) / most).toFixed(3));
      return made;
    });
    return h('tr', {}, h('th', {scope: 'row'}, a), ...cells, h('td', {class: 'number'}, total ? percent(count(a, a) / total) : ''));
  });
  const table = h('table', {class: 'matrix'}, h('caption', {}, caption), h('thead', {}, head), h('tbody', {}, ...body));
  return h('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption}, table);
}
