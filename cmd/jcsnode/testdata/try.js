// Tries a study on the node's page as people would, in headless Chromium, and tells what is not as it should be; try_test.go fails for it.
//   node try.js ORDER.json    {"base", "folder", "zip", "letter", "playwright", "axe", "chromium"}
// Answers with a list of problems on standard output.
'use strict';
const fs = require('fs');
const { order, expect, open, look, pictures, scrolls, run } = require('./browser.js');

async function result(page, where) {
  await page.waitForURL(/\/try\/[A-Z2-7]+$/);
  await page.locator('.verdict .word').waitFor();
  expect((await page.locator('.verdict').innerText()).startsWith('POSITIVE'), `${where}: ${await page.locator('main').innerText()}`);
  await page.locator('#slices').waitFor();
  await pictures(page, where);
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
  await page.getByRole('slider').focus();
  await scrolls(page);
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

run([], drops, refuses, withoutScripts);
