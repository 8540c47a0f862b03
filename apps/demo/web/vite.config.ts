import { defineConfig } from 'vite'

export default defineConfig({
  root: `${import.meta.dirname}/src`,
  // The page is served from wherever the API is, so it names its files relatively.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2023',
    // A data: address is not 'self' to a content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false }
  }
})
