// Asks the service for what the page shows. Requests never queue up: while one is under way, only the newest wish is remembered.

import { painted, result } from './export.js';
import { asks, maskValues, task } from './form.js';
import { count, warningText } from './words.js';

export class Asking {
  // say(text), busy(on), fail(error), calm().
  constructor(workspace, tell) {
    Object.assign(this, { workspace, tell, session: null, running: null, again: false });
  }

  begin(session) {
    this.running?.abort();
    this.session = session;
  }

  async refresh() {
    if (!this.session) return;
    if (this.running) { this.again = true; return; }
    this.running = new AbortController();
    const mine = this.session;
    this.tell.busy(true);
    try {
      await (task() === 'mask' ? this.preview(mine, this.running.signal) : this.result(mine, this.running.signal));
      this.tell.calm();
    } catch (error) {
      if (error.name !== 'AbortError') this.failed(error);
    } finally {
      this.running = null;
      this.tell.busy(false);
      if (this.again) { this.again = false; this.refresh(); }
    }
  }

  failed(error) {
    this.tell.say('That did not work.');
    this.tell.fail(error);
  }

  async preview(mine, signal) {
    const { workspace, tell } = this;
    if (!asks(workspace)) {
      workspace.noMask();
      tell.say(workspace.strokes.length ? 'The mask is what you painted.' : workspace.faces.length ? 'All faces are switched off.' : 'No face found in this picture.');
      return;
    }
    const start = performance.now();
    const response = await mine.mask({ ...maskValues(workspace), invert: false }, 'image/png', signal);
    const blob = await response.blob();
    if (task() !== 'mask' || mine !== this.session) return;
    const share = await workspace.setMask(blob);
    const spent = Math.round(performance.now() - start);
    document.body.dataset.milliseconds = spent;
    tell.say(`Mask of ${this.subject()}: ${(share * 100).toFixed(1)} % of the picture, ${spent} ms${by(response)}.`);
  }

  subject() {
    if (this.workspace.box) return 'what is in the box';
    return this.workspace.chosen.size ? count(this.workspace.chosen.size, 'face') : 'what is at the points';
  }

  async result(mine, signal) {
    const { workspace, tell } = this;
    const wanted = task();
    if (wanted === 'cutout' && !workspace.chosen.size) {
      await workspace.setResult(null);
      tell.say('All faces are switched off.');
      return;
    }
    tell.say('Working…');
    const made = await result(mine, workspace, workspace.picture, signal);
    if (task() !== wanted || mine !== this.session) return;
    this.made = made;
    workspace.left = boxesOf(made.response);
    await workspace.setResult(made.blob, made.frame);
    tell.say(this.done(made.response));
  }

  done(response) {
    const left = response.headers.get('X-Residual-Faces');
    if (left === null) return 'Done.';
    const { chosen, faces } = this.workspace;
    const kept = chosen.size < faces.length ? ' besides those that are switched off' : '';
    const codes = (response.headers.get('X-Warnings') || '').split(',').filter((code) => code && code !== 'residual_faces');
    const amiss = codes.length ? ` (${codes.map(warningText).join(', ')})` : '';
    const found = left === '0' ? `no face${kept}, which is no proof: look for yourself` : `${count(Number(left), 'face')} left${kept}, marked red: draw a box around each`;
    return `Done. A second look at the whole picture found ${found}${amiss}.`;
  }

  // Strokes changed: the result is put together anew from what the service gave.
  async repaint() {
    const { workspace, made } = this;
    if (!workspace.result || !made) return;
    try {
      await workspace.setResult(await painted(made, workspace, workspace.picture), made.frame);
    } catch (error) {
      this.failed(error);
    }
  }
}

// Where faces are left: [[x, y, width, height], …].
const boxesOf = (response) => (response.headers.get('X-Residual-Boxes') || '').split(';').filter(Boolean).map((box) => box.split(',').map(Number));

// Which engine drew it, and what it warns of.
function by(response) {
  const { engine, faces = [], warnings: amiss = [] } = JSON.parse(response.headers.get('X-Mask-Stats') || '{}');
  const warnings = new Set([...amiss.map(({ code }) => code), ...faces.flatMap((face) => face.warnings)].map(warningText));
  return (engine ? `, by ${engine === 'sam' ? 'SAM' : `the ${engine} engine`}` : '') + (warnings.size ? ` (${[...warnings].join(', ')})` : '');
}
