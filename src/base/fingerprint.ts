/** 128 bits of a text as 32 hex digits: equal texts have equal ones. For caches and ETags; it keeps no secrets. */
export function fingerprint(text: string): string {
  const state = [1779033703, 3144134277, 1013904242, 2773480762]
  const factors = [597399067, 2869860233, 951274213, 2716044179]
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    for (let lane = 0; lane < 4; lane++) {
      state[lane] = (state[(lane + 1) & 3] as number) ^ Math.imul((state[lane] as number) ^ code, factors[lane] as number)
    }
  }
  const mixed = state.map((value, lane) => {
    let x = value ^ Math.imul((state[(lane + 1) & 3] as number) >>> 18, factors[lane] as number)
    x = Math.imul(x ^ (x >>> 16), 2246822507)
    x = Math.imul(x ^ (x >>> 13), 3266489909)
    return (x ^ (x >>> 16)) >>> 0
  })
  return mixed.map((value) => value.toString(16).padStart(8, '0')).join('')
}
