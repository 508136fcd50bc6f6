// Against a started service: SAM_MASK_URL and a portrait in SAM_MASK_PICTURE. `make test-typescript` starts one.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { test } from "node:test";
import { ApiError, SamMaskClient, SamMaskError, Unreachable } from "../dist/index.js";

const client = new SamMaskClient({ url: process.env.SAM_MASK_URL });
const photo = new Uint8Array(await readFile(process.env.SAM_MASK_PICTURE));
const png = (bytes) => assert.deepEqual([...bytes.slice(0, 4)], [0x89, 0x50, 0x4e, 0x47]);

test("a mask with its faces", async () => {
  const { mask, faces, raw } = await client.mask(photo, { mode: "combined", expand_pixels: 4, invert: false });
  png(mask);
  assert.ok(faces.length >= 1 && faces[0].bbox.width > 0 && faces[0].score > 0);
  assert.equal(raw.mask_base64, undefined);
});

test("the masks of each face, and crops", async () => {
  const separate = await client.mask(photo, { mode: "separate" });
  assert.equal(separate.mask, undefined);
  png(separate.parts[0].mask);
  assert.equal(separate.parts[0].box, undefined);
  const windows = await client.mask(photo, { mode: "separate", masks_format: "window" });
  assert.deepEqual(Object.keys(windows.parts[0].box), ["x", "y", "width", "height"]);
  const { parts } = await client.mask(photo, { mode: "crop" });
  png(parts[0].image);
  assert.ok(parts[0].box.width > 0);
});

test("many pictures, one of them broken", async () => {
  const lines = [];
  for await (const line of client.masks([photo, new Uint8Array([1, 2, 3])])) lines.push(line);
  lines.sort((a, b) => a.index - b.index);
  png(lines[0].mask.mask);
  assert.ok(lines[1].error instanceof ApiError && lines[1].error.code);
});

test("detect, anonymise, cut out", async () => {
  assert.ok((await client.detect(photo)).length >= 1);
  const hidden = await client.anonymize(new Blob([photo]), { method: "pixelate" });
  assert.equal(hidden.residualFaces, 0);
  assert.ok(hidden.image.length > 1000 && hidden.format);
  assert.ok((await client.cutout(photo)).frame.width > 0);
});

test("an upload, a question, the edited picture put back, and gone", async () => {
  const kept = await client.upload(photo);
  const { mask } = await client.imageMasks(kept, { faces: [0], invert: false });
  png(mask);
  const whole = await client.composite(kept, photo, mask);
  assert.ok(whole.image.length > 1000);
  await client.forget(kept);
  await assert.rejects(client.imageMasks(kept), (e) => e instanceof ApiError && e.status === 404 && e.code === "image_not_found");
});

test("health", async () => assert.equal(typeof (await client.health()).version, "string"));

test("refusals have a code and the service's words", async () => {
  await assert.rejects(
    client.mask(photo, { blur_iterations: -1 }),
    (e) => e instanceof ApiError && e.status === 422 && e.detail.includes("blur_iterations") && e.requestId !== "",
  );
});

test("nobody there", async () => {
  const nobody = new SamMaskClient({ url: "http://127.0.0.1:9" });
  await assert.rejects(nobody.health(), (e) => e instanceof Unreachable && e instanceof SamMaskError);
});

test("a busy service is asked again, and behind a prefix", async () => {
  const asked = [];
  const server = createServer((request, answer) => {
    asked.push(request.url);
    if (asked.length < 3) answer.writeHead(503, { "Retry-After": "0" }).end(JSON.stringify({ detail: "Busy.", code: "busy" }));
    else answer.writeHead(200, { "Content-Type": "application/json" }).end('{"version":"x"}');
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  try {
    const url = `http://127.0.0.1:${server.address().port}/masks/`;
    assert.equal((await new SamMaskClient({ url }).health()).version, "x");
    assert.deepEqual(asked, ["/masks/health", "/masks/health", "/masks/health"]);
    asked.length = 0;
    await assert.rejects(new SamMaskClient({ url, tries: 1 }).health(), (e) => e.code === "busy" && e.retryAfter === 0);
  } finally {
    server.close();
  }
});
