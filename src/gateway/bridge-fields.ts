/**
 * What clients address to the bridge alone, or to an SDK of theirs: hosts and keys that they would like
 * used. No upstream sees it, and it is not kept.
 */
const BRIDGE_FIELDS = [
  'client_metadata',
  'api_base',
  'base_url',
  'api_key',
  'api_type',
  'api_version',
  'extra_headers',
  'default_headers',
]

export function withoutBridgeFields(
  request: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const passed = { ...request }
  for (const field of BRIDGE_FIELDS) delete passed[field]
  return passed
}
