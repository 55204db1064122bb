// Has the page again every few seconds, and puts in place what has changed: nothing flickers, and
// what is open, scrolled to or focused stays so.

const PAUSE = 2000;

// Details are the same by what they are of; whether they are open is the reader's.
function update(here, there) {
  if (here.isEqualNode(there)) return;
  const same = here.nodeType === there.nodeType && here.nodeName === there.nodeName
    && (here.dataset?.of === there.dataset?.of);
  if (!same) {
    here.replaceWith(there.cloneNode(true));
    return;
  }
  if (here.nodeType !== Node.ELEMENT_NODE) {
    here.nodeValue = there.nodeValue;
    return;
  }
  for (const {name, value} of there.attributes) if (name !== 'open') here.setAttribute(name, value);
  const [ours, theirs] = [[...here.childNodes], [...there.childNodes]];
  theirs.forEach((child, place) => (place < ours.length ? update(ours[place], child) : here.append(child.cloneNode(true))));
  ours.slice(theirs.length).forEach((child) => child.remove());
}

async function refresh() {
  if (!document.hidden) {
    try {
      const answer = await fetch('/', {headers: {Accept: 'text/html'}});
      const [main] = (await answer.text()).match(/<main[^]*<\/main>/); // its style would be another page's
      const there = new DOMParser().parseFromString(main, 'text/html');
      update(document.getElementById('main'), there.getElementById('main'));
    } catch {
      // The emulator has ended, or is starting again: the next time will tell.
    }
  }
  setTimeout(refresh, PAUSE);
}

setTimeout(refresh, PAUSE);
