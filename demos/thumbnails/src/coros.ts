import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Context, SourceOutput } from '@pipelines/core'
import { Jimp } from 'jimp'

type Picture = { readonly name: string; readonly png: Uint8Array }

export async function names(_: SourceOutput, { env }: Context): Promise<string[]> {
  return (await readdir(String(env.from))).filter((name) => name.endsWith('.png')).sort()
}

export async function read(name: string, { env }: Context): Promise<Picture> {
  return { name, png: await readFile(join(String(env.from), name)) }
}

/** Holds the event loop on which it runs: of this program, of a thread, or of a process. */
export async function shrink({ name, png }: Picture, { args }: Context): Promise<Picture> {
  // A Buffer reaches a thread as a Uint8Array.
  const picture = await Jimp.fromBuffer(Buffer.from(png)).catch((cause) => {
    throw new Error(`"${name}" is no picture.`, { cause })
  })
  picture.resize({ w: Number(args.width) })
  return { name, png: await picture.getBuffer('image/png') }
}

export async function save({ name, png }: Picture, { env }: Context): Promise<void> {
  await writeFile(join(String(env.to), name), png)
}
