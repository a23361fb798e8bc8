// @vladmandic/human on its WebAssembly backend: the tasks of the comparison, see __main__.py. NODE_PATH leads to the
// packages. Only what expressions need is switched on: the face detector and the emotion network.
'use strict';
const fs = require('fs');
const { spawn } = require('child_process');
const path = require('path');
const sharp = require('sharp');

const modules = process.env.NODE_PATH;
const { Human } = require(path.join(modules, '@vladmandic/human/dist/human.node-wasm.js'));

// Node's fetch reads no files, and this backend loads its models by fetch.
globalThis.fetch = async (url) => new Response(fs.readFileSync(new URL(String(url))));

const off = { enabled: false };
const mostSeconds = 15;

async function load(cacheSensitivity) {
  const human = new Human({
    backend: 'wasm',
    wasmPath: path.join(modules, '@tensorflow/tfjs-backend-wasm/dist/'),
    modelBasePath: `file://${path.join(modules, '@vladmandic/human/models/')}`,
    cacheSensitivity, // 0: every picture is read anew
    body: off, hand: off, object: off, gesture: off, segmentation: off, filter: off,
    face: {
      detector: { maxDetected: 100 }, emotion: { enabled: true },
      mesh: off, iris: off, description: off, attention: off, antispoof: off, liveness: off,
    },
  });
  await human.load();
  return human;
}

async function read(human, pixels, width, height) {
  const image = human.tf.tensor3d(pixels, [height, width, 3], 'int32');
  const { face, error } = await human.detect(image);
  human.tf.dispose(image);
  if (error) throw new Error(error);
  return face.map(({ box: [x, y, w, h] }) => [x, y, x + w, y + h]);
}

async function readFile(human, file) {
  const { data, info } = await sharp(file).removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  return read(human, data, info.width, info.height);
}

function clock() {
  const wall = performance.now();
  const cpu = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: (performance.now() - wall) / 1000, cpu_seconds: (user + system) / 1e6 };
  };
}

async function first(file) {
  return { faces: (await readFile(await load(0), file)).length };
}

async function photos(folder) {
  const files = fs.readdirSync(folder).sort().map((name) => path.join(folder, name));
  const human = await load(0);
  await readFile(human, files[0]);
  const time = clock();
  const boxes = {};
  for (const file of files) boxes[file] = await readFile(human, file);
  return { ...time(), boxes };
}

async function faces() {
  const human = await load(0);
  const { tf } = human;
  const found = {};
  for (const n of [1, 64]) {
    const batch = tf.zeros([n, 64, 64, 1]);
    const classify = async () => {
      const out = human.models.models.emotion.execute(batch);
      await out.data();
      tf.dispose(out);
    };
    await classify();
    const time = clock();
    let calls = 0;
    for (; time().seconds < 1; calls++) await classify();
    found[n] = { faces: calls * n, ...time() };
  }
  return found;
}

// The expressions of faces of 48 x 48 px, given raw, each as Human prepares one.
async function names(file) {
  const { tf, models } = await load(0);
  const words = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'];
  const pixels = fs.readFileSync(file);
  const found = [];
  for (let at = 0; at < pixels.length; at += 48 * 48) {
    const face = tf.tensor4d(Float32Array.from(pixels.subarray(at, at + 48 * 48)), [1, 48, 48, 1]);
    const scaled = tf.mul(tf.sub(tf.div(tf.image.resizeBilinear(face, [64, 64]), 255), 0.5), 2);
    const out = models.models.emotion.execute(scaled);
    const shares = await out.data();
    found.push(words[shares.indexOf(Math.max(...shares))]);
    tf.dispose([face, scaled, out]);
  }
  return { names: found };
}

// Human reads no video files in Node: ffmpeg decodes. Here its caching between frames is on, as for its own videos.
async function video(file) {
  const human = await load(0.7);
  const [width, height] = [640, 480];
  const words = ['-v', 'error', '-i', file, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
  const ffmpeg = spawn(require('@ffmpeg-installer/ffmpeg').path, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const size = width * height * 3;
  let [time, n, kept] = [null, 0, []];
  let length = 0;
  for await (const piece of ffmpeg.stdout) {
    kept.push(piece);
    length += piece.length;
    while (length >= size) {
      const bytes = Buffer.concat(kept);
      await read(human, bytes.subarray(0, size), width, height);
      kept = [bytes.subarray(size)];
      length -= size;
      if (time) n++;
      else time = clock(); // the first frame warms up
    }
    if (time && time().seconds > mostSeconds) break;
  }
  ffmpeg.kill();
  return { frames: n, ...time() };
}

const [task, file] = process.argv.slice(2);
({ first, photos, faces, video, names })[task](file).then(
  (answer) => fs.writeSync(1, `${JSON.stringify(answer)}\n`) && process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
