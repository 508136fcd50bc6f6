// The buttons that take something home: one picture's files, all pictures' in a ZIP, the request as a curl command.

import { packed } from './album.js';
import { ServiceError } from './api.js';
import { copy, showCommand } from './curl.js';
import { filesOf, save } from './home.js';
import { busy, calm, fail, say } from './state.js';
import { $, TASKS, task } from './values.js';
import { count } from './words.js';
import { own } from './wishes.js';

let packing = null; // ends the ZIP that is being made

// row(): the tool that a mask is for, or undefined.
export function listen(page) {
  const { asking, stage, row } = page;
  $('download').addEventListener('click', () => work(() => one(page)));
  $('zip').addEventListener('click', () => (packing ? packing.abort() : work(() => all(page))));
  $('curl').addEventListener('click', () => showCommand(asking.session, stage, row()));
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

async function one({ asking, stage, row }) {
  const { files, said } = await filesOf(asking.session, stage, { row: row(), ready: stage.blob, picture: stage.picture });
  for (const { name, blob } of files) save(blob, name);
  say(said);
}

async function all({ stage, album, row }) {
  const { items } = album;
  packing = new AbortController();
  album.current.own = own(stage);
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
