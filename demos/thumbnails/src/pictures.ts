import { join } from 'node:path'
import { Jimp } from 'jimp'

const [WIDTH, HEIGHT] = [480, 320]

const fileOf = (folder: string, number: number): `${string}.png` => `${join(folder, `picture-${number}`)}.png`

/** Of four fields; no two fields of all pictures have the same colour. */
function colourOf(number: number, field: number): number {
  return (((4 * number + field + 1) * 0x9e3779) % 0x1000000) * 0x100 + 0xff
}

/** Paints a picture of four fields. */
export async function paint(folder: string, number: number): Promise<void> {
  const picture = new Jimp({ width: WIDTH, height: HEIGHT })
  picture.scan((x, y, place) => {
    const field = (x < WIDTH / 2 ? 0 : 1) + (y < HEIGHT / 2 ? 0 : 2)
    picture.bitmap.data.writeUInt32BE(colourOf(number, field), place)
  })
  await picture.write(fileOf(folder, number), { deflateLevel: 1 })
}

/** Whether its thumbnail is there, has the shape of it, and amid each field its colour. */
export async function isRight(folder: string, number: number): Promise<boolean> {
  const thumbnail = await Jimp.read(fileOf(folder, number)).catch(() => undefined)
  if (thumbnail === undefined || thumbnail.width / thumbnail.height !== WIDTH / HEIGHT) return false
  return [0, 1, 2, 3].every((field) => {
    const [x, y] = [(0.25 + 0.5 * (field % 2)) * thumbnail.width, (field < 2 ? 0.25 : 0.75) * thumbnail.height]
    return thumbnail.getPixelColor(Math.floor(x), Math.floor(y)) === colourOf(number, field)
  })
}
