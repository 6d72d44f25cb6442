/**
 * How task apps join the path onto the URL they were given: each form of the table in
 * docs/interceptor.md, with what it must be read as. `T` is the trial, `C` the correlation id.
 */
export interface AddressForm {
  readonly name: string
  /** Below `/api/interceptor/v1`, query and all. */
  readonly url: (trial: string, correlation: string) => string
  readonly api: 'chat' | 'responses'
  readonly namesCorrelation: boolean
}

const chat = (name: string, url: AddressForm['url'], namesCorrelation = true): AddressForm => ({
  name,
  url,
  api: 'chat',
  namesCorrelation,
})
const responses = (name: string, url: AddressForm['url']): AddressForm => ({
  name,
  url,
  api: 'responses',
  namesCorrelation: true,
})

export const ADDRESS_FORMS: readonly AddressForm[] = [
  chat('trial alone', (t) => `/${t}/chat/completions`, false),
  chat('trial alone, /v1', (t) => `/${t}/v1/chat/completions`, false),
  chat('query cid', (t, c) => `/${t}/chat/completions?cid=${c}`),
  chat('query trace_correlation_id', (t, c) => `/${t}/chat/completions?trace_correlation_id=${c}`),
  chat('query trace', (t, c) => `/${t}/chat/completions?trace=${c}`),
  chat("the SDK's helper", (t, c) => `/${t}/v1/chat/completions?cid=${c}`),
  chat('path', (t, c) => `/${t}/${c}/chat/completions`),
  chat('path, /v1', (t, c) => `/${t}/${c}/v1/chat/completions`),
  chat('path beats query', (t, c) => `/${t}/${c}/chat/completions?cid=other&trace=more`),
  chat('cid beats the other names', (t, c) => `/${t}/chat/completions?trace=b&cid=${c}`),
  chat('doubled', (t, c) => `/${t}/chat/completions/chat/completions?cid=${c}`),
  chat('doubled, /v1', (t, c) => `/${t}/v1/chat/completions/v1/chat/completions?cid=${c}`),
  chat('doubled in a path', (t, c) => `/${t}/${c}/chat/completions/chat/completions`),
  chat('joined onto the query', (t, c) => `/${t}?cid=${c}/chat/completions`),
  chat('joined onto the query, /v1', (t, c) => `/${t}?cid=${c}/v1/chat/completions`),
  chat('joined onto a query of several', (t, c) => `/${t}?cid=${c}&x=1/chat/completions`),
  chat('joined in the middle', (t, c) => `/${t}?cid=${c}/chat/completions&x=1`),
  chat('joined with a query of its own', (t, c) => `/${t}?cid=${c}/chat/completions?x=1`),
  chat('joined and encoded', (t, c) => `/${t}?cid=${c}%2Fchat%2Fcompletions`),
  chat('joined twice', (t, c) => `/${t}/chat/completions?cid=${c}/chat/completions`),
  chat('joined onto a base with /v1', (t, c) => `/${t}/v1?cid=${c}/chat/completions`),
  chat('slashes at the end', (t, c) => `/${t}//chat/completions/?cid=${c}`),
  responses('responses', (t, c) => `/${t}/responses?cid=${c}`),
  responses('responses, /v1', (t, c) => `/${t}/v1/responses?cid=${c}`),
  responses('responses, path', (t, c) => `/${t}/${c}/responses`),
  responses('responses, path, /v1', (t, c) => `/${t}/${c}/v1/responses`),
  responses('responses doubled', (t, c) => `/${t}/responses/responses?cid=${c}`),
  responses('responses joined onto the query', (t, c) => `/${t}?cid=${c}/responses`),
  responses(
    'what is appended last is meant',
    (t, c) => `/${t}/chat/completions/responses?cid=${c}`,
  ),
]
