// Writes a request bundle: the role ROLE with COUNT targets over 2^BITS succinct bins.
//   node many-targets.mjs ROLE HWID COUNT BITS KEYS.json VERSION > request.json
// KEYS.json: [{"keyid", "key"}] of the role. What is signed is canonical JSON: ASCII, sorted keys.
import crypto from 'node:crypto';
import fs from 'node:fs';

const [role, hwid, countText, bitsText, keysFile, versionText] = process.argv.slice(2);
const count = Number(countText), bits = Number(bitsText), version = Number(versionText);
const keys = JSON.parse(fs.readFileSync(keysFile, 'utf8'));

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value && typeof value === 'object')
    return `{${Object.keys(value).sort().map((k) => `${canonical(k)}:${canonical(value[k])}`).join(',')}}`;
  return JSON.stringify(value);
}
const sha256 = (text) => crypto.createHash('sha256').update(text).digest();
const expires = new Date(Date.now() + 300 * 86400e3).toISOString().replace(/\.\d+Z$/, 'Z');
const digits = Math.ceil(bits / 4);
const prefix = `${role}.${bits}`;
const name = (bin) => `${prefix}-${bin.toString(16).padStart(digits, '0')}`;

const bins = Array.from({ length: 2 ** bits }, () => ({}));
for (let i = 1; i <= count; i++) {
  const path = `os/${hwid}/${i}/rootfs.img`;
  const bin = sha256(path).readUInt32BE(0) >>> (32 - bits);
  bins[bin][path] = {
    length: 1, hashes: { sha256: sha256(String(i % 10)).toString('hex') },
    custom: {
      type: 'os', payload: { format: 'raw' },
      match: { name: 'base-os', version: String(i), hwids: [hwid], release_counter: i, security_epoch: 0 },
    },
  };
}
const documents = [];
const add = (role_, signed) => {
  const text = canonical({ _type: 'targets', spec_version: '1.0.31', version: role_ === role ? version : 1, expires, ...signed });
  documents.push({ repository: 'image', role: role_, version: role_ === role ? version : 1, signed: text, sha256: sha256(text).toString('hex') });
};
add(role, {
  targets: {},
  delegations: {
    keys: Object.fromEntries(keys.map((k) => [k.keyid, k.key])),
    succinct_roles: { keyids: keys.map((k) => k.keyid), threshold: keys.length, bit_length: bits, name_prefix: prefix },
  },
});
bins.forEach((targets, bin) => add(name(bin), { targets }));
console.log(JSON.stringify({ documents }));
