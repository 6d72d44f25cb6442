/** Options of every command that asks a running bridge. */
import { type Command, Option } from 'commander'
import { configOption, jsonOption } from '../options.ts'

export function addBridgeOptions(command: Command): Command {
  return command
    .addOption(configOption())
    .addOption(
      new Option(
        '--url <url>',
        'bridge to ask (default: one that runs with this configuration, else the one at server.host and server.port)',
      ),
    )
    .addOption(
      new Option(
        '--api-key-env <variable>',
        'environment variable that holds a key of the bridge (default: the first key_env of [[keys]] that is set)',
      ),
    )
    .addOption(jsonOption())
}
