// Which engine serves, with which model, and why it is not the one that was wanted; asked again while SAM is on its way.

import { health } from './api.js';
import { $ } from './form.js';
import { engineText } from './words.js';

const AGAIN = 4000; // milliseconds
const REGIONS = ['face', 'head', 'skin', 'hair', 'eyes', 'brows', 'lips']; // until the service says which
const FIRST = ['face', 'head', 'person', 'hair', 'skin'];
let timer = 0;

// changed(): the regions that can be chosen are others now.
export async function ask(changed) {
  clearTimeout(timer);
  let found = null;
  try { found = await health(); } catch { /* what fails says so where it is needed */ }
  const { line, full } = engineText(found);
  $('engine').hidden = !line;
  $('engineline').textContent = line;
  $('enginefull').textContent = full;
  $('engine').classList.toggle('missing', found?.status === 'degraded');
  if (offer(found?.regions || REGIONS)) changed();
  if (found && found.status === 'starting' || ['downloading', 'loading', 'waiting'].includes(found?.sam?.state)) timer = setTimeout(ask, AGAIN, changed);
}

// Puts the regions into the lists. Answers whether the chosen one went away.
function offer(regions) {
  const sorted = [...FIRST.filter((r) => regions.includes(r)), ...regions.filter((r) => !FIRST.includes(r))];
  const before = [$('region').value, $('without').value];
  fill($('region'), sorted, []);
  fill($('without'), sorted.filter((r) => !FIRST.includes(r)), [new Option('nothing', '')]);
  return before[0] !== $('region').value || before[1] !== $('without').value;
}

function fill(select, names, before) {
  const { value } = select;
  select.replaceChildren(...before, ...names.map((name) => new Option(name, name)));
  select.value = names.includes(value) ? value : before.length ? '' : names[0];
}
