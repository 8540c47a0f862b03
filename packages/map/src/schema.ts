import { SchemaError, type SchemaIssue } from './errors.ts'

/** The part of the Standard Schema interface, version 1, that is used here; `zod`, `valibot` and `arktype` fit it. */
export interface StandardSchema<V> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<V> | Promise<StandardResult<V>>
  }
}

/** What a Standard Schema answers: the value, or what is wrong with it. */
export type StandardResult<V> =
  | { readonly value: V; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
      }[]
    }

/** Says which values a map holds: a Standard Schema, or a function that returns true for those it accepts. */
export type Schema<V> = StandardSchema<V> | ((value: unknown) => boolean)

/** Decides about one value. Throws `SchemaError`, or returns the value to store. */
export type Validate<V> = (key: string, value: unknown) => V

/**
 * Makes one function of either kind of schema. A schema that throws refuses the value. Only a result that is exactly true, or
 * without issues, accepts it.
 *
 * @throws TypeError when it is neither kind.
 */
export function toValidate<V>(schema: Schema<V> | undefined): Validate<V> {
  if (schema === undefined) return (_key, value) => value as V
  if ((typeof schema === 'object' && schema !== null) || typeof schema === 'function') {
    if ('~standard' in schema) return (key, value) => validateStandard(schema, key, value)
    if (typeof schema === 'function') {
      return (key, value) => {
        validatePredicate(schema, key, value)
        return value as V
      }
    }
  }
  throw new TypeError('schema must be a function or a Standard Schema')
}

function validatePredicate(predicate: (value: unknown) => boolean, key: string, value: unknown): void {
  const accepted: unknown = ask(key, () => predicate(value))
  if (accepted instanceof Promise) refuseLater(accepted)
  if (accepted !== true) throw new SchemaError(key, [{ message: 'the schema refuses it' }])
}

function validateStandard<V>(schema: StandardSchema<V>, key: string, value: unknown): V {
  const result = ask(key, () => schema['~standard'].validate(value))
  if (result instanceof Promise) return refuseLater(result)
  const issues = ask(key, () => result.issues?.map(toIssue))
  if (issues !== undefined) throw new SchemaError(key, issues)
  return ask(key, () => (result as { readonly value: V }).value)
}

/** Asks a schema something; one that throws refuses the value. */
function ask<T>(key: string, question: () => T): T {
  try {
    return question()
  } catch (error) {
    throw new SchemaError(key, [{ message: 'the schema threw an error' }], error)
  }
}

/** The outcome of such a schema is of no use any more, and must not become an unhandled rejection. */
function refuseLater(answer: Promise<unknown>): never {
  answer.catch(() => undefined)
  throw new TypeError(
    'schema must validate synchronously: an asynchronous one cannot decide before the write'
  )
}

function toIssue(issue: {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}): SchemaIssue {
  if (issue.path === undefined) return { message: issue.message }
  const path = issue.path.map(part => (typeof part === 'object' ? part.key : part))
  return { message: issue.message, path }
}
