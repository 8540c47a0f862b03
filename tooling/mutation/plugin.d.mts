import type { Plugin } from 'vitest/config'
export function mutantPlugin(id: string): Plugin
