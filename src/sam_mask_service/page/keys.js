// Undo, redo and zoom: their buttons, and their keys anywhere on the page. The tools' own keys are in tools.js.

import { $ } from './form.js';

const ON_PICTURE = { PageUp: 'nearer', PageDown: 'further', Home: 'fit', End: 'whole', 0: 'fit', z: 'undo', y: 'redo' };
const TEXT = 'input:not([type=range], [type=checkbox], [type=radio], [type=color]), textarea';

export function listen(workspace, tools, { undo, redo }) {
  const { view } = workspace;
  const zooms = { nearer: () => view.zoom(1.5), further: () => view.zoom(1 / 1.5), fit: () => view.fit(), whole: () => view.whole() };
  for (const [id, act] of Object.entries(zooms)) $(id).addEventListener('click', () => { act(); workspace.draw(); });
  $('undo').addEventListener('click', undo);
  $('redo').addEventListener('click', redo);
  workspace.zoomed = (percent) => {
    $('percent').textContent = `${percent} %`;
    $('canvas').classList.toggle('free', view.fitted && !tools.draws());
  };
  document.addEventListener('keydown', (event) => press(event, workspace));
}

function press(event, workspace) {
  const elsewhere = event.target.matches?.(TEXT) || document.querySelector('dialog[open]');
  if (elsewhere || !workspace.picture || event.altKey) return;
  const id = event.ctrlKey || event.metaKey ? withControl(event) : event.target === workspace.canvas && ON_PICTURE[event.key];
  if (!id) return;
  $(id).click();
  event.preventDefault();
}

function withControl({ key, shiftKey }) {
  if (key.toLowerCase() === 'z') return shiftKey ? 'redo' : 'undo';
  return key.toLowerCase() === 'y' ? 'redo' : null;
}
