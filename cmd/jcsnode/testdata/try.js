// Tries a study on the node's page as people would, in headless Chromium, and tells what is not as it should be; try_test.go fails for it.
//   node try.js ORDER.json    {"base", "folder", "zip", "letter", "playwright", "axe", "chromium", "out"}
// Answers with a list of problems on standard output; screenshots go to "out", if it is set.
'use strict';
const fs = require('fs');
const path = require('path');

const order = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const { chromium } = require(order.playwright);
const axe = fs.readFileSync(path.join(order.axe, 'axe.min.js'), 'utf8');
const problems = [];
const problem = text => problems.push(text);
const expect = (holds, text) => { if (!holds) problem(text); };

async function open(browser, options, quiet) {
  const page = await (await browser.newContext(options)).newPage();
  page.setDefaultTimeout(60000);
  if (!quiet) page.on('console', m => { if (m.type() === 'error') problem(`console at ${page.url()}: ${m.text()}`); });
  page.on('pageerror', e => problem(`script at ${page.url()}: ${e.message}`));
  return page;
}

async function look(page, where) {
  const aside = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(aside <= 0, `${where} sticks out by ${aside}`);
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  for (const v of found.violations.filter(v => v.impact === 'serious' || v.impact === 'critical')) {
    problem(`${where}: ${v.id}: ${v.help}: ${v.nodes.map(n => n.html).slice(0, 3).join(' ')}`);
  }
  if (order.out) await page.screenshot({ path: path.join(order.out, where.replaceAll(' ', '-') + '.png') });
}

async function result(page, where) {
  await page.waitForURL(/\/try\/[A-Z2-7]+$/);
  await page.locator('.verdict .word').waitFor();
  expect((await page.locator('.verdict').innerText()).startsWith('POSITIVE'), `${where}: ${await page.locator('main').innerText()}`);
  await page.waitForFunction(() => [...document.images].every(i => i.complete));
  expect(await page.locator('img.summary').evaluate(i => i.naturalWidth) >= 512, where + ': no summary picture');
}

// A folder is dropped: sent, followed through its steps, shown, fetched and removed, without loading anything by hand.
async function drops(browser) {
  const page = await open(browser, { viewport: { width: 1280, height: 900 } });
  await page.goto(order.base + '/');
  await page.getByRole('link', { name: 'Try a study' }).click();
  await look(page, 'try');
  const at = await page.locator('.drop').boundingBox();
  const cdp = await page.context().newCDPSession(page);
  const data = { items: [], files: [order.folder], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop']) {
    await cdp.send('Input.dispatchDragEvent', { type, x: at.x + 20, y: at.y + 20, data });
  }
  await result(page, 'a folder that is dropped');
  await look(page, 'tried');
  const [zip] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: /as a zip/ }).click()]);
  expect(fs.readFileSync(await zip.path()).subarray(0, 4).toString() === 'PK\x03\x04', 'no zip of the objects');
  await page.getByRole('button', { name: 'remove now' }).click();
  await page.waitForURL(order.base + '/try');
  await page.context().close();
}

// What is refused is said where it was given.
async function refuses(browser) {
  const page = await open(browser, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }, true);
  await page.goto(order.base + '/try');
  await page.getByLabel('A zip, or files').setInputFiles(order.letter);
  await page.getByRole('button', { name: 'Read it' }).click();
  await page.getByRole('alert').waitFor();
  expect((await page.getByRole('alert').innerText()).includes('no DICOM file'), 'a letter: ' + await page.getByRole('alert').innerText());
  await look(page, 'refused narrow');
  await page.getByLabel('A zip, or files').setInputFiles([]);
  await page.getByLabel('A folder').setInputFiles(order.folder);
  await page.getByRole('button', { name: 'Read it' }).click();
  await result(page, 'a folder that is chosen');
  await look(page, 'tried narrow');
  await page.context().close();
}

// All of it works without scripts.
async function withoutScripts(browser) {
  const page = await open(browser, { javaScriptEnabled: false });
  await page.goto(order.base + '/try');
  await page.getByLabel('A zip, or files').setInputFiles(order.zip);
  await page.getByRole('button', { name: 'Read it' }).click();
  await result(page, 'a zip without scripts');
  await page.context().close();
}

(async () => {
  const browser = await chromium.launch({ executablePath: order.chromium, args: ['--no-sandbox'] });
  for (const part of [drops, refuses, withoutScripts]) {
    await part(browser).catch(e => problem(`${part.name}: ${e.message}`));
  }
  await browser.close();
  process.stdout.write(JSON.stringify(problems));
})();
