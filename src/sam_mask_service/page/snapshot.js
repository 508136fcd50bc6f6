// Everything that the user asked for, as one value: what undo goes back to, and what each of several pictures keeps.

import { $ } from './form.js';

const controls = () => [...$('panel').elements].filter((e) => e.name && !e.dataset.once && e.type !== 'file');
const keyOf = (control) => (control.type === 'radio' ? `${control.name}=${control.value}` : control.name);

export function take(workspace) {
  return {
    controls: Object.fromEntries(controls().map((c) => [keyOf(c), c.type === 'radio' || c.type === 'checkbox' ? c.checked : c.value])),
    padded: $('padding').dataset.moved,
    ...own(workspace),
  };
}

// What belongs to the picture alone.
export const own = (workspace) => ({ chosen: [...workspace.chosen].sort((a, b) => a - b), points: workspace.points, box: workspace.box, hide: workspace.hide, strokes: workspace.strokes });

export function same(a, b) {
  const bare = (state) => JSON.stringify({ ...state, strokes: 0 });
  return a?.strokes === b?.strokes && bare(a) === bare(b);
}

export function put(state, workspace) {
  for (const control of controls()) {
    const value = state.controls[keyOf(control)];
    if (control.type === 'radio' || control.type === 'checkbox') control.checked = value;
    else control.value = value;
  }
  $('padding').dataset.moved = state.padded || '';
  putOwn(state, workspace);
}

export function putOwn({ chosen, points, box, hide = [], strokes }, workspace) {
  Object.assign(workspace, { chosen: new Set(chosen), points, box, hide, strokes });
}
