// Takes the pictures of the page that docs show, in headless Chromium.
//   node shots.js ORDER.json    {"base", "study", "folder", "playwright", "axe", "chromium", "out"}
'use strict';
const path = require('path');
const { order, open, look, run } = require('./browser.js');

const ready = async page => {
  while (!await page.evaluate(() => [...document.querySelectorAll('main img:not([hidden])')].every(i => i.complete))) {
    await new Promise(done => setTimeout(done, 100));
  }
};

/** Keeps what is seen of a page, from the top or from an element on. */
async function shot(page, name, from) {
  await ready(page);
  if (from) await page.evaluate(at => document.querySelector(at).scrollIntoView(), from);
  else await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: path.join(order.out, name + '.png') });
}

// A study is tried once, and its page is looked at by all.
let tried = '';
async function tries(browser) {
  const page = await open(browser, { viewport: { width: 1280, height: 500 }, deviceScaleFactor: 0.75 });
  await page.goto(order.base + '/try');
  await page.getByLabel('A folder').setInputFiles(order.folder);
  await page.getByRole('button', { name: 'Read it' }).click();
  await page.waitForURL(/\/try\/[A-Z2-7]+$/);
  tried = page.url();
  await page.getByText(/^classify [1-9]/).waitFor();
  await shot(page, 'page-trying-1280-light');
  await page.locator('#slices').waitFor({ timeout: 300000 });
  await page.context().close();
}

// Every view, wide and narrow, light and dark.
async function views(browser) {
  for (const [width, height] of [[1280, 900], [390, 844]]) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await open(browser, { viewport: { width, height }, colorScheme, deviceScaleFactor: 0.75 });
      const end = `-${width}-${colorScheme}`;
      for (const [name, at, from] of [['overview', '/'], ['studies', '/studies'], ['study', '/studies/' + order.study],
        ['slices', null, '#slices'], ['try', '/try'], ['tried', tried], ['tried-slices', null, '#slices']]) {
        if (at) await page.goto(new URL(at, order.base).href);
        await look(page, name + end);
        await shot(page, 'page-' + name + end, from);
      }
      await page.context().close();
    }
  }
}

run([], tries, views);
