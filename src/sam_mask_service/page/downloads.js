// The buttons that take something home: one picture's files, all pictures' in a ZIP, the request as a curl command.

import { packed } from './album.js';
import { ServiceError } from './api.js';
import { copy, showCommand } from './curl.js';
import { filesOf, save } from './export.js';
import { $, TASKS, task } from './form.js';
import { own } from './snapshot.js';
import { busy, calm, fail, say } from './state.js';
import { count } from './words.js';

let packing = null; // ends the ZIP that is being made

// row(): the tool that a mask is for, or undefined.
export function listen(page) {
  const { asking, workspace, row } = page;
  $('download').addEventListener('click', () => work(() => one(page)));
  $('zip').addEventListener('click', () => (packing ? packing.abort() : work(() => all(page))));
  $('curl').addEventListener('click', () => showCommand(asking.session, workspace, row()));
  $('copy').addEventListener('click', copy);
  $('close').addEventListener('click', () => $('dialog').close());
}

async function work(act) {
  calm();
  busy(true);
  try {
    await act();
  } catch (error) {
    if (error.name === 'AbortError') say('Stopped.');
    else fail(error);
  } finally {
    busy(false);
  }
}

async function one({ asking, workspace, row }) {
  const { files, said } = await filesOf(asking.session, workspace, { row: row(), ready: workspace.blob, picture: workspace.picture });
  for (const { name, blob } of files) save(blob, name);
  say(said);
}

async function all({ workspace, album, row }) {
  const { items } = album;
  packing = new AbortController();
  album.current.own = own(workspace);
  const told = (n) => say(`Picture ${n} of ${items.length}…`);
  $('zip').textContent = 'Stop';
  try {
    const { blob, problems } = await packed(items, { row: row(), harder: $('harder').checked, told, signal: packing.signal });
    save(blob, `${TASKS[task()].file}.zip`);
    say(`Saved ${count(items.length - problems.length, 'picture')} of ${items.length}.`);
    if (problems.length) fail(new ServiceError(`Left out: ${problems.join(' ')}`, 'left_out', 0));
  } finally {
    packing = null;
    album.show();
  }
}
