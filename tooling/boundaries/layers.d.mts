export interface PackageRules {
  readonly layer: number
  readonly pure?: boolean
  readonly mayImport: readonly string[]
}
export const packages: Readonly<Record<string, PackageRules>>
