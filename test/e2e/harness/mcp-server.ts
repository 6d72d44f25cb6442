/**
 * A small MCP server over stdio, by hand: three tools, among them one whose name holds a dot and one
 * that answers with a picture. Codex starts it as `node mcp-server.ts`.
 *
 * @see https://modelcontextprotocol.io/specification
 */
import { createInterface } from 'node:readline'
import { DOT_PNG_BASE64 } from './png.ts'

const numbers = { type: 'array', items: { type: 'number' } }

const TOOLS = [
  {
    name: 'echo',
    description: 'Says it back.',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
  },
  {
    name: 'add.numbers',
    description: 'Adds numbers.',
    inputSchema: { type: 'object', properties: { numbers }, required: ['numbers'] },
  },
  {
    name: 'picture',
    description: 'Shows a dot.',
    inputSchema: { type: 'object', properties: {} },
  },
]

interface Call {
  readonly name: string
  readonly arguments?: { readonly text?: string; readonly numbers?: readonly number[] }
}

function callTool({ name, arguments: args = {} }: Call): unknown {
  const text = (value: string) => ({ content: [{ type: 'text', text: value }] })
  switch (name) {
    case 'echo':
      return text(`echo: ${args.text}`)
    case 'add.numbers':
      return text(String((args.numbers ?? []).reduce((sum, number) => sum + number, 0)))
    case 'picture':
      return { content: [{ type: 'image', data: DOT_PNG_BASE64, mimeType: 'image/png' }] }
    default:
      return { ...text(`no tool ${name}`), isError: true }
  }
}

interface Message {
  readonly id?: number | string
  readonly method?: string
  readonly params?: { readonly protocolVersion?: string } & Partial<Call>
}

function answerTo({ method, params }: Message): unknown {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: params?.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: 'mini', version: '1.0.0' },
      }
    case 'tools/list':
      return { tools: TOOLS }
    case 'tools/call':
      return callTool({ name: '', ...params })
    default:
      return {}
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const message: Message = JSON.parse(line)
  // A notification has no id and gets no answer.
  if (message.id === undefined) continue
  const answer = { jsonrpc: '2.0', id: message.id, result: answerTo(message) }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
