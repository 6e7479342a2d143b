"""English words that are sung otherwise than a dictionary of speech has them, and those it does not have.

Conventions
-----------
Heteronyms cannot be told apart without grammar; each has the one reading that songs and hymns use most. Words of two
readings that differ only by how many syllables are written ("blessed") are settled by the score, not here.
"""

from __future__ import annotations

from collections.abc import Mapping

ARPABET_VOWELS = frozenset(
    ("aa", "ae", "ah", "ao", "aw", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw")
)  # fmt: skip
ARPABET_CONSONANTS = frozenset(
    ("b", "ch", "d", "dh", "f", "g", "hh", "jh", "k", "l", "m", "n",
     "ng", "p", "r", "s", "sh", "t", "th", "v", "w", "y", "z", "zh")
)  # fmt: skip


def _table(lines: str) -> Mapping[str, tuple[str, ...]]:
    entries = (line.split(": ") for line in lines.strip().splitlines())
    return {word.strip(): tuple(phonemes.split()) for words, phonemes in entries for word in words.split(",")}


SUNG_WORDS = _table("""
a: ah
the: dh ah
and: ae n d
for: f ao r
was: w ah z
th', d': dh
o: ow
da: d aa
na: n aa
ba, bah: b aa
pa: p aa
sha, shah: sh aa
ra: r aa
wa, wah: w aa
ya, yah: y aa
du, doo, dooh: d uw
bom: b aa m
fal: f aa l
re: r ey
amen: aa m eh n
alleluia, alleluya, aleluia, alleluja, allelujah: aa l eh l uw y ah
hallelujah, halleluia, halleluja, halleluiah, halleluyah: hh aa l eh l uw y ah
hosanna, hosannah, hosana: hh ow z aa n ah
emmanuel, immanuel: ih m ae n y uw eh l
israel: ih z r ey eh l
excelsis: eh k s ch eh l s ih s
deo: d ey ow
dei: d ey iy
ave: aa v ey
kyrie: k ih r iy ey
eleison: eh l ey ih s ao n
christe: k r ih s t ey
agnus: aa n y uh s
sanctus: s aa ng k t uh s
gloria: g l ao r iy ah
noel, nowell, noell, noël: n ow eh l
live: l ih v
lives: l ih v z
bow: b aw
bows: b aw z
bowing: b aw ih ng
bowed: b aw d
wind: w ih n d
winds: w ih n d z
tear: t ih r
tears: t ih r z
read: r iy d
lead: l iy d
wound: w uw n d
close: k l ow s
dove: d ah v
row: r ow
sow: s ow
use: y uw z
house: hh aw s
present: p r eh z ah n t
perfect: p er f ih k t
minute: m ih n ih t
desert: d eh z er t
bass: b ey s
content: k ah n t eh n t
wherefore: w eh r f ao r
whereof: w eh r ah v
withal: w ih dh ao l
forever: f ao r eh v er
evermore: eh v er m ao r
alway: ao l w ey
verily: v eh r ih l iy
forsooth: f ao r s uw th
hearken: hh aa r k ah n
prithee: p r ih dh iy
sith: s ih th
wast: w aa s t
shouldst, should'st: sh uh d s t
'twere, twere: t w er
'twould, twould: t w uh d
thou'rt: dh aw r t
thou'lt: dh aw l t
'mongst: m ah ng s t
wassail: w aa s ey l
beauteous: b y uw t iy ah s
piteous: p ih t iy ah s
fallen: f ao l ah n
jewelled: jh uw ah l d
satyrs: s ey t er z
gude: g uh d
saviour, savior: s ey v y er
gethsemane: g eh th s eh m ah n iy
golgotha: g aa l g ah th ah
ephratah: eh f r ah t ah
maranatha: m eh r ah n aa th ah
paraclete: p ae r ah k l iy t
zacchaeus: z ae k iy ah s
beelzebub: b iy eh l z ih b ah b
hesperus: hh eh s p er ah s
eurydice, euridice: y er ih d ih s iy
strephon: s t r eh f ah n
thyrsis: th er s ih s
naked: n ey k ih d
wicked: w ih k ih d
sacred: s ey k r ih d
sion: z ay ah n
sabaoth: s ae b ey ao th
cherubim: ch eh r uh b ih m
seraphim: s eh r ah f ih m
fa: f aa
tra: t r aa
yeah: y eh ah
learned: l er n d
aged: ey jh d
cursed: k er s t
blest: b l eh s t
saith: s eh th
doth: d ah th
dost: d ah s t
ta'en: t ey n
e'en: iy n
e'er: eh r
ne'er: n eh r
o'er: ao r
where'er: w eh r eh r
whate'er: w ah t eh r
whene'er: w eh n eh r
howe'er: hh aw eh r
whoe'er: hh uw eh r
whosoe'er: hh uw s ow eh r
whatsoe'er: w ah t s ow eh r
wheresoe'er: w eh r s ow eh r
twas, 'twas: t w ah z
tis, 'tis: t ih z
i'the, i'th': ih dh
o'the, o'th': ah dh
'mid: m ih d
'mong: m ah ng
'round: r aw n d
'til, 'till: t ih l
thro, thro': th r uw
tho, tho': dh ow
altho, altho': ao l dh ow
o': ah
i': ih
wi': w ih
an': ae n
lil', li'l: l ih l
ma'am: m ae m
gonna: g ah n ah
wanna: w aa n ah
&: ae n d
""")
