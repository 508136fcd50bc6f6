/**
 * SAM Mask API from TypeScript: no dependency, Node 20+ and browsers.
 *
 *     const client = new SamMaskClient({ url: "http://localhost:8739" });
 *     const { mask, faces } = await client.mask(await readFile("photo.jpg"), { mode: "combined", invert: false });
 *
 * Parameters have the names of the API and are typed from its OpenAPI document (`src/api.ts`). A busy service is asked again after
 * the time that it names.
 */
import type { components, paths } from "./api.js";
import { ApiError, errorOf, SamMaskError, Unreachable } from "./errors.js";

export { ApiError, SamMaskError, Unreachable };
export type { components, paths } from "./api.js";

/** A picture: its bytes, a Blob or File, or the address from which the service is to fetch it. */
export type Image = Bytes | ArrayBuffer | Blob | URL;

type JsonBody<P extends keyof paths> = paths[P] extends {
  post: { requestBody?: { content: { "application/json": infer B } } };
}
  ? B
  : never;
type Source = "image_url" | "image_base64" | "image_path" | "images";
type Form<P extends keyof paths> = paths[P] extends { post: { requestBody?: { content: { "multipart/form-data": infer B } } } }
  ? B
  : never;

export type MaskParameters = Partial<Omit<JsonBody<"/create_mask">, Source | "output">>;
export type DetectParameters = Partial<Omit<JsonBody<"/detect_faces">, Source | "output">>;
export type AnonymizeParameters = Partial<Omit<JsonBody<"/anonymize">, Source | "output">>;
export type CutoutParameters = Partial<Omit<JsonBody<"/cutout">, Source | "output">>;
export type UploadParameters = Partial<Omit<JsonBody<"/images">, Source>>;
export type ImageMaskParameters = Partial<Omit<JsonBody<"/images/{image_id}/masks">, "output">>;
export type CompositeParameters = Partial<
  Omit<Form<"/composite">, Source | "original" | "edited" | "mask" | "image_id" | "output">
>;

export type Health = components["schemas"]["HealthResponse"];
/** A face of an answer; what is known of it depends on what was asked. */
export interface Face {
  face_id: number;
  bbox: Box;
  confidence: number;
  score?: number;
  mask_bbox?: Box | null;
  hidden?: boolean;
  warnings?: string[];
}
/** Top-left corner and size in whole pixels of the upright picture. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}
type Json = Record<string, unknown>;

/** An encoded picture. */
export type Bytes = Uint8Array<ArrayBuffer>;
/**
 * `mask` in the modes first and combined; `parts` in separate and crop. `image` comes with a target: the picture that belongs to the
 * mask where the caller's own does not fit. `raw`: the answer without its pictures.
 */
export interface Mask {
  mask: Bytes | undefined;
  image: Bytes | undefined;
  parts: { faceId: number; mask: Bytes; image: Bytes | undefined; box: Box | undefined }[];
  faces: Face[];
  warnings: string[];
  raw: Json;
}
/** A finished picture. `residualFaces`: of an anonymised one; `frame`: what a cut-out shows of the picture. */
export interface Picture {
  image: Bytes;
  format: string;
  residualFaces: number | undefined;
  frame: Box | undefined;
  faces: Face[];
  warnings: string[];
  raw: Json;
}
/** A picture that the service keeps for a while. */
export interface Upload {
  imageId: string;
  faces: Face[];
  raw: Json;
}
/** One of many: `mask`, or the `error` of this picture alone. */
export type Line = { index: number; id: string | undefined } & ({ mask: Mask; error?: never } | { mask?: never; error: ApiError });

export interface Options {
  /** Where the service is, a path prefix included. */
  url?: string | URL;
  apiKey?: string;
  /** Milliseconds for each try. */
  timeout?: number;
  /** How often a busy service (503) is asked, at most. */
  tries?: number;
  fetch?: typeof globalThis.fetch;
}

const LONGEST_WAIT = 30;

export class SamMaskClient {
  readonly #base: string;
  readonly #headers: Record<string, string>;
  readonly #timeout: number;
  readonly #tries: number;
  readonly #fetch: typeof globalThis.fetch;

  constructor(options: Options = {}) {
    this.#base = String(options.url ?? "http://localhost:8739").replace(/\/+$/, "");
    this.#headers = { Accept: "application/json", ...(options.apiKey ? { "X-API-Key": options.apiKey } : {}) };
    this.#timeout = options.timeout ?? 90_000;
    this.#tries = options.tries ?? 5;
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  }

  /** The mask of the faces in a picture (`POST /create_mask`). */
  async mask(image: Image, parameters: MaskParameters = {}): Promise<Mask> {
    return maskOf(await this.#post("/create_mask", body(image, parameters)));
  }

  /** Masks of many pictures, each as soon as it is there (`POST /create_masks`). Addresses and bytes cannot be mixed. */
  async *masks(images: readonly Image[], parameters: MaskParameters = {}): AsyncGenerator<Line> {
    const answer = await this.#send("POST", "/create_masks", many(images, parameters), "application/x-ndjson");
    for await (const line of lines(answer)) yield lineOf(JSON.parse(line) as Json);
  }

  /** Faces without masks (`POST /detect_faces`). */
  async detect(image: Image, parameters: DetectParameters = {}): Promise<Face[]> {
    return facesOf((await this.#post("/detect_faces", body(image, parameters))).faces);
  }

  /** The picture with its faces hidden (`POST /anonymize`). */
  async anonymize(image: Image, parameters: AnonymizeParameters = {}): Promise<Picture> {
    return pictureOf(await this.#post("/anonymize", body(image, parameters)));
  }

  /** Heads or faces cut out (`POST /cutout`), put on `backgroundImage` where one is given. */
  async cutout(image: Image, parameters: CutoutParameters = {}, backgroundImage?: Image): Promise<Picture> {
    const files = backgroundImage === undefined ? {} : { background_image: backgroundImage };
    return pictureOf(await this.#post("/cutout", body(image, parameters, files)));
  }

  /** An edited picture put back into its original along the mask (`POST /composite`). */
  async composite(
    original: Image | Upload,
    edited: Image,
    mask: Image,
    parameters: CompositeParameters = {},
  ): Promise<Picture> {
    const kept = "imageId" in original;
    const files = { edited, mask, ...(kept ? {} : { original }) };
    const fields = { ...parameters, ...(kept ? { image_id: original.imageId } : {}) };
    return pictureOf(await this.#post("/composite", form(fields, files)));
  }

  /** Keeps a picture in the service for further questions (`POST /images`). */
  async upload(image: Image, parameters: UploadParameters = {}): Promise<Upload> {
    const raw = await this.#post("/images", body(image, parameters));
    return { imageId: String(raw.image_id), faces: facesOf(raw.faces), raw };
  }

  /** Masks of an uploaded picture: any parameters, points and boxes (`POST /images/{id}/masks`). */
  async imageMasks(image: Upload | string, parameters: ImageMaskParameters = {}): Promise<Mask> {
    return maskOf(await this.#post(`${place(image)}/masks`, JSON.stringify(parameters)));
  }

  /** Ends the keeping of an uploaded picture. */
  async forget(image: Upload | string): Promise<void> {
    await this.#send("DELETE", place(image));
  }

  async health(): Promise<Health> {
    return (await (await this.#send("GET", "/health")).json()) as Health;
  }

  async #post(path: string, content: Body): Promise<Json> {
    return (await (await this.#send("POST", path, content)).json()) as Json;
  }

  async #send(method: string, path: string, content?: Body, accept?: string): Promise<Response> {
    for (let tried = 1; ; tried++) {
      const answer = await this.#once(method, path, content, accept);
      if (answer.ok) return answer;
      const error = await errorOf(answer);
      if (error.status !== 503 || tried >= this.#tries) throw error;
      await pause(Math.min(LONGEST_WAIT, (error.retryAfter ?? 0.5 * 2 ** (tried - 1)) * (1 + Math.random() / 4)));
    }
  }

  async #once(method: string, path: string, content?: Body, accept?: string): Promise<Response> {
    const headers: Record<string, string> = { ...this.#headers, ...(accept ? { Accept: accept } : {}) };
    if (typeof content === "string") headers["Content-Type"] = "application/json";
    try {
      const signal = AbortSignal.timeout(this.#timeout);
      return await this.#fetch(this.#base + path, { method, headers, signal, ...(content === undefined ? {} : { body: content }) });
    } catch (error) {
      throw new Unreachable(`${this.#base} does not answer`, { cause: error });
    }
  }
}

type Body = string | FormData;

const pause = (seconds: number) => new Promise<void>((done) => setTimeout(done, 1000 * seconds));
const place = (image: Upload | string) => `/images/${encodeURIComponent(typeof image === "string" ? image : image.imageId)}`;
const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
const blob = (image: Exclude<Image, URL>) => (image instanceof Blob ? image : new Blob([image]));

/** An address goes as JSON, everything else as a form with the picture's bytes. */
function body(image: Image, parameters: object, files: Record<string, Image> = {}): Body {
  if (!(image instanceof URL)) return form(parameters, { image, ...files });
  if (Object.keys(files).length === 0) return JSON.stringify({ image_url: String(image), ...parameters });
  return form({ image_url: String(image), ...parameters }, files);
}

function form(fields: object, files: Record<string, Image>): FormData {
  const out = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined && value !== null) out.append(name, text(value));
  for (const [name, file] of Object.entries(files)) {
    if (file instanceof URL) throw new SamMaskError(`${name}: the service fetches only the picture itself by its address`);
    out.append(name, blob(file), name);
  }
  return out;
}

function many(images: readonly Image[], parameters: object): Body {
  const addresses = images.filter((image) => image instanceof URL);
  if (addresses.length === images.length)
    return JSON.stringify({ images: addresses.map((image) => ({ image_url: String(image) })), ...parameters });
  const out = form(parameters, {});
  for (const image of images) {
    if (image instanceof URL) throw new SamMaskError("either addresses or bytes in one request, not both");
    out.append("image", blob(image), "image");
  }
  return out;
}

async function* lines(answer: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of chunks(answer)) {
    const whole = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = whole.pop() ?? "";
    for (const line of whole) if (line) yield line;
  }
  if (rest) yield rest;
}

/** Safari cannot iterate a stream yet. */
async function* chunks(answer: Response): AsyncGenerator<Uint8Array> {
  const reader = answer.body?.getReader();
  try {
    for (let got = await reader?.read(); got && !got.done; got = await reader?.read()) yield got.value;
  } finally {
    await reader?.cancel();
  }
}

const bytes = (base64: string): Bytes => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
const picture = (value: unknown) => (typeof value === "string" ? bytes(value) : undefined);
const rows = (value: unknown) => (Array.isArray(value) ? (value as Json[]) : []);
const box = (value: unknown) => (value ? (value as Box) : undefined);
const facesOf = (value: unknown) => rows(value) as unknown as Face[];
const warningsOf = (value: unknown) => (Array.isArray(value) ? (value as string[]) : []);

/** An answer without its pictures. */
function bare(raw: Json): Json {
  const many = ["masks", "cropped_faces"];
  return Object.fromEntries(Object.entries(raw).filter(([name]) => !name.endsWith("_base64") && !many.includes(name)));
}

/** Where a crop, or a mask of masks_format=window, lies in the picture. */
function placeOf(row: Json): Box | undefined {
  const { x, y, width, height } = row;
  return box(row.crop_bbox ?? (typeof x === "number" ? { x, y, width, height } : undefined));
}

function maskOf(raw: Json): Mask {
  const stats = (raw.stats ?? {}) as Json;
  const parts = [...rows(raw.masks), ...rows(raw.cropped_faces)].map((row) => ({
    faceId: Number(row.face_id),
    mask: bytes(String(row.mask_base64)),
    image: picture(row.image_base64),
    box: placeOf(row),
  }));
  return {
    mask: picture(raw.mask_base64),
    image: picture(raw.image_base64),
    parts,
    faces: facesOf(stats.faces),
    warnings: warningsOf(stats.warnings),
    raw: bare(raw),
  };
}

function pictureOf(raw: Json): Picture {
  return {
    image: bytes(String(raw.image_base64)),
    format: String(raw.image_format),
    residualFaces: typeof raw.residual_faces === "number" ? raw.residual_faces : undefined,
    frame: box(raw.frame),
    faces: facesOf(raw.faces),
    warnings: warningsOf(raw.warnings),
    raw: bare(raw),
  };
}

function lineOf(raw: Json): Line {
  const common = { index: Number(raw.index), id: typeof raw.id === "string" ? raw.id : undefined };
  if (raw.success === true) return { ...common, mask: maskOf(raw) };
  const error = new ApiError(String(raw.detail), String(raw.code), Number(raw.status), String(raw.request_id ?? ""));
  return { ...common, error };
}
