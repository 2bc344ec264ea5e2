// Looks at studies in the OHIF viewer as a person would, in headless Chromium, and tells what the viewer holds and what it shows. It
// judges nothing: viewer_test.go does.
//   node look.js ORDER.json    {"base", "playwright", "chromium", "out", "studies": [{"name", "study", "captures"}]}
// Answers with JSON on standard output, one entry for each study; screenshots go to "out".
'use strict';
const fs = require('fs');
const path = require('path');

const order = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const { chromium } = require(order.playwright);
const limit = 180000;
const drawing = 30000; // for the screen to draw what is loaded
const levels = [1 / 6, 1 / 2, 5 / 6]; // of the slices with enough labels to be seen
const lungWindow = { lower: -1350, upper: 150 };

// ---- inside the page ----

// What the functions below share, made once in each page.
const prepare = () => {
  const s = window.services, cs = window.cornerstone;
  const viewport = () => s.cornerstoneViewportService.getCornerstoneViewport(s.viewportGridService.getState().activeViewportId);
  const pixels = im => (im.voxelManager ? im.voxelManager.getScalarData() : im.getPixelData());
  const about = id => cs.metaData.get('instance', id) || {};
  const plane = id => {
    const p = cs.metaData.get('imagePlaneModule', id) || {};
    return { position: p.imagePositionPatient, orientation: p.imageOrientationPatient, spacing: [p.rowPixelSpacing, p.columnPixelSpacing] };
  };
  /** Reads the colour on the screen where the middle of an image's pixel lies. The way from pixel to screen is affine. */
  const screen = (vp, id) => {
    const p = cs.metaData.get('imagePlaneModule', id);
    const world = (column, row) => [0, 1, 2].map(k => p.imagePositionPatient[k] + column * p.columnPixelSpacing * p.rowCosines[k] + row * p.rowPixelSpacing * p.columnCosines[k]);
    const o = vp.worldToCanvas(world(0, 0)), x = vp.worldToCanvas(world(100, 0)), y = vp.worldToCanvas(world(0, 100));
    const canvas = vp.canvas, ratio = canvas.width / canvas.clientWidth;
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return (column, row) => {
      const at = k => Math.round(ratio * (o[k] + (x[k] - o[k]) * column / 100 + (y[k] - o[k]) * row / 100));
      const [u, w] = [at(0), at(1)];
      if (u < 0 || w < 0 || u >= canvas.width || w >= canvas.height) return null;
      const i = 4 * (w * canvas.width + u);
      return [data[i], data[i + 1], data[i + 2]];
    };
  };
  window.look = { viewport, pixels, about, plane, screen };
};

const sets = () => window.services.displaySetService.getActiveDisplaySets().map(d => ({
  id: d.displaySetInstanceUID, number: Number(d.SeriesNumber), modality: d.Modality, description: d.SeriesDescription, unsupported: !!d.unsupported,
  of: d.referencedDisplaySetInstanceUID || null }));

/** Tells whether the segmentation lies over the CT for good: not as the preview in which the viewer asks. */
const loaded = () => {
  const s = window.services, vp = window.look.viewport();
  if (!vp) return false;
  const shown = s.viewportGridService.getState().viewports.get(vp.id).displaySetInstanceUIDs[0];
  return s.displaySetService.getDisplaySetByUID(shown).Modality === 'CT' && s.segmentationService.getSegmentationRepresentations(vp.id).length > 0 &&
    s.segmentationService.getSegmentations().some(g => g.representationData.Labelmap && g.representationData.Labelmap.imageIds);
};

/** The segmentation as the viewer holds it: a digest of the labelled pixels for each CT slice. */
const segmentation = () => {
  const g = window.services.segmentationService.getSegmentations().at(-1), cs = window.cornerstone, slices = [];
  for (const id of g.representationData.Labelmap.imageIds) {
    const im = cs.cache.getImage(id);
    if (!im) continue;
    const d = window.look.pixels(im), of = window.look.about(im.referencedImageId);
    let count = 0, digest = 2166136261;
    for (let i = 0; i < d.length; i++) if (d[i]) { count++; digest = Math.imul(digest ^ i, 16777619); }
    slices.push({ instance: of.SOPInstanceUID, number: Number(of.InstanceNumber), count, digest: digest >>> 0, id: im.referencedImageId });
  }
  const vp = window.services.viewportGridService.getState().activeViewportId;
  const colour = n => { try { return Array.from(window.services.segmentationService.getSegmentColor(vp, g.segmentationId, n)); } catch { return null; } };
  return { segments: Object.values(g.segments).filter(Boolean).map(s => ({ number: s.segmentIndex, label: s.label, colour: colour(s.segmentIndex) })), slices };
};

/** Turns to the image and tells whether it is there; the viewer may set the viewport up again meanwhile, so it is called until it is. */
const turnTo = ([id, range]) => {
  const vp = window.look.viewport();
  if (!vp) return false;
  if (vp.getCurrentImageId() === id && window.cornerstone.cache.getImage(id)) {
    vp.setProperties({ voiRange: range });
    vp.render();
    return true;
  }
  const k = vp.getImageIds().indexOf(id);
  if (vp.setImageIdIndex) vp.setImageIdIndex(k); else window.cornerstoneTools.utilities.jumpToSlice(vp.element, { imageIndex: k });
  return false;
};

/** What lies under the labels of a slice in the CT that the viewer holds, and which colour is on the screen where the pixel and all
 * its neighbours are labelled, or all are not. */
const slice = id => {
  const { pixels, plane, screen, viewport } = window.look, cs = window.cornerstone;
  const g = window.services.segmentationService.getSegmentations().at(-1);
  const label = g.representationData.Labelmap.imageIds.map(i => cs.cache.getImage(i)).find(im => im && im.referencedImageId === id);
  const ct = cs.cache.getImage(id), m = pixels(label), v = pixels(ct), w = ct.columns, h = ct.rows;
  const [slope, intercept] = ct.preScale && ct.preScale.scaled ? [1, 0] : [ct.slope ?? 1, ct.intercept ?? 0];
  const r = { ...plane(id), rows: h, columns: w, labelled: {}, other: {}, on: 0, onColoured: 0, off: 0, offColoured: 0 };
  const add = (t, hu) => { t[hu] = (t[hu] || 0) + 1; };
  for (let i = 0; i < m.length; i++) add(m[i] ? r.labelled : r.other, Math.round(v[i] * slope + intercept));
  const colour = screen(viewport(), id);
  for (let y = 1; y < h - 1; y++) for (let x = 1; x < w - 1; x++) {
    const i = y * w + x, same = [-1, 0, 1].every(d => [-1, 0, 1].every(e => !m[i + d * w + e] === !m[i]));
    const c = same && colour(x, y);
    if (!c) continue;
    const own = c[0] - c[1] > 25 && c[0] - c[2] > 25; // orange over grey; of grey all three are equal
    if (m[i]) { r.on++; r.onColoured += own; } else { r.off++; r.offColoured += own; }
  }
  return r;
};

/** The picture of a secondary capture as the viewer holds it, and how far the screen is from it. */
const capture = () => {
  const { viewport, pixels, plane, screen, about } = window.look, vp = viewport(), id = vp.getCurrentImageId(), im = window.cornerstone.cache.getImage(id);
  const d = pixels(im), step = d.length / (im.rows * im.columns), of = about(id);
  let digest = 2166136261;
  for (let i = 0; i < im.rows * im.columns; i++) for (let k = 0; k < 3; k++) digest = Math.imul(digest ^ d[i * step + k], 16777619);
  const r = { instance: of.SOPInstanceUID, number: Number(of.InstanceNumber), images: vp.getImageIds().length, rows: im.rows, columns: im.columns, digest: digest >>> 0, ...plane(id), places: 0, far: 0 };
  let colour;
  try { colour = screen(vp, id); } catch { return r; } // no plane
  for (let y = 4; y < im.rows; y += 9) for (let x = 4; x < im.columns; x += 9) {
    const c = colour(x, y), i = (y * im.columns + x) * step;
    if (!c) continue;
    r.places++;
    if ([0, 1, 2].some(k => Math.abs(c[k] - d[i + k]) > 60)) r.far++;
  }
  return r;
};

// ---- outside ----

const progress = what => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${what}\n`);

async function open(context, study) {
  const page = await context.newPage();
  await page.goto(`${order.base}/viewer?StudyInstanceUIDs=${study}`, { timeout: limit });
  await page.waitForFunction(() => {
    try { // services appear one by one while the page starts
      const s = window.services, vp = s.cornerstoneViewportService.getCornerstoneViewport(s.viewportGridService.getState().activeViewportId);
      return s.displaySetService.getActiveDisplaySets().length > 0 && vp.getImageIds().length > 0 && !!vp.getImageData();
    } catch { return false; }
  }, null, { timeout: limit, polling: 300 });
  // The tour of the viewer greets a first visit.
  const skip = page.getByText('Skip all');
  await skip.waitFor({ state: 'visible', timeout: order.toured ? 1 : 6000 }).then(() => skip.click()).catch(() => {});
  order.toured = true;
  await page.evaluate(prepare);
  return page;
}

/** Opens a series by a double click on its entry. */
const enter = (page, number) => page.getByText(`S:${number}`, { exact: true }).first().dblclick({ timeout: limit });

/** Waits until what the page is asked holds for two seconds on end. */
async function lasting(page, holds) {
  for (let end = Date.now() + limit, times = 0; Date.now() < end; await page.waitForTimeout(400)) {
    times = await page.evaluate(holds).catch(() => false) ? times + 1 : 0;
    if (times === 5) return true;
  }
  return false;
}

/** Asks the page again until the screen has drawn what it is about to draw, and gives the last answer either way. */
async function drawn(page, ask, argument, done) {
  for (let end = Date.now() + drawing; ; await page.waitForTimeout(400)) {
    const answer = await page.evaluate(ask, argument);
    if (done(answer) || Date.now() > end) return answer;
  }
}
const labelsDrawn = r => r.onColoured >= 0.95 * r.on && r.offColoured <= r.off / 500;
const pictureDrawn = r => r.far <= r.places / 10;

async function lookAt(context, c) {
  const page = await open(context, c.study);
  page.setDefaultTimeout(limit);
  const r = { name: c.name, series: await page.evaluate(sets), slices: [], captures: [] };
  const shot = async name => { const file = `${c.name}-${name}.png`; await page.screenshot({ path: path.join(order.out, file) }); return file; };
  try {
    const seg = r.series.find(s => s.modality === 'SEG');
    if (!seg || seg.unsupported || !seg.of) return { ...r, problem: 'the segmentation is not offered', shot: await shot('not-offered') };
    await enter(page, seg.number);
    // The viewer shows it and asks "Do you want to open this segmentation?"; then it sets the viewport up again.
    const yes = page.getByRole('button', { name: /^Yes$/ });
    await yes.waitFor({ state: 'visible', timeout: limit }).then(() => yes.click()).then(() => yes.waitFor({ state: 'hidden' })).catch(() => {});
    if (!await lasting(page, loaded)) return { ...r, problem: 'the segmentation does not load', shot: await shot('not-loaded') };
    Object.assign(r, { segmentation: await page.evaluate(segmentation) });
    const lit = r.segmentation.slices.filter(s => s.count > 0), large = lit.filter(s => s.count >= 400);
    const from = large.length >= levels.length ? large : lit, seen = new Set(levels.map(f => from[Math.floor(f * from.length)]).filter(Boolean));
    for (const s of seen) {
      const turned = await page.waitForFunction(turnTo, [s.id, lungWindow], { polling: 700 }).catch(() => null);
      if (!turned) { r.problem = `slice ${s.number} does not show`; await shot(`not-shown${s.number}`); continue; }
      const found = await drawn(page, slice, s.id, labelsDrawn);
      r.slices.push({ instance: s.instance, number: s.number, ...found, shot: await shot(`slice${String(s.number).padStart(4, '0')}`) });
    }
    for (const number of c.captures || []) {
      const before = await page.evaluate(() => window.look.viewport().getCurrentImageId());
      await enter(page, number);
      const shown = await page.waitForFunction(id => {
        try { const vp = window.look.viewport(), now = vp.getCurrentImageId(); return now !== id && window.cornerstone.cache.getImage(now) && vp.getImageData(); } catch { return false; }
      }, before, { polling: 200 }).catch(() => null);
      if (!shown) { r.problem = `series ${number} does not show`; await shot(`not-shown${number}`); continue; }
      const found = await drawn(page, capture, null, pictureDrawn);
      r.captures.push({ series: number, ...found, shot: await shot(`series${number}`) });
    }
  } catch (e) {
    r.problem = e.message.split('\n')[0];
  } finally { await page.close(); }
  return r;
}

(async () => {
  fs.mkdirSync(order.out, { recursive: true });
  const browser = await chromium.launch({
    executablePath: order.chromium, headless: true,
    args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist', '--disable-dev-shm-usage', '--disable-background-networking'],
  });
  const all = [];
  try {
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
    for (const c of order.studies) {
      progress(c.name);
      all.push(await lookAt(context, c).catch(e => ({ name: c.name, problem: e.message.split('\n')[0] })));
    }
  } finally { await browser.close(); }
  progress('done');
  process.stdout.write(JSON.stringify(all) + '\n');
})().catch(e => { console.error(e.stack); process.exit(1); });
