"""The languages that fastText's lid.176 tells apart, by the codes that it has for them.

A document's language is one of these, so a list of words under another code would never be looked
into. Codes are ISO 639-1 where there is one, else ISO 639-3, with five that are neither or older
(``als``, ``bh``, ``eml``, ``nah``, ``sh``). What people write instead, a country's code or the one
of three letters, is told with the code that they mean.
"""

from midtrain_dagster.core.suggestion import did_you_mean

_CODES = """
af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb
ckb co cs cv cy da de diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom
gu gv he hi hif hr hsb ht hu hy ia id ie ilo io is it ja jbo jv ka kk km kn ko krc ku kv
kw ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms mt mwl my myv mzn
nah nap nds ne new nl nn no oc or os pa pam pfl pl pms pnb ps pt qu rm ro ru rue sa sah sc
scn sco sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt tyv ug uk ur uz vec vep
vi vls vo wa war wuu xal xmf yi yo yue zh
"""

LID_176 = frozenset(_CODES.split())
"""All 176 of them."""

MEANT = {
    **{"cn": "zh", "cmn": "zh", "chi": "zh", "zho": "zh", "jp": "ja", "jpn": "ja", "kr": "ko"},
    **{"kor": "ko", "gr": "el", "gre": "el", "ell": "el", "cz": "cs", "ces": "cs", "cze": "cs"},
    **{"dk": "da", "dan": "da", "se": "sv", "swe": "sv", "nb": "no", "nob": "no", "nor": "no"},
    **{"ua": "uk", "ukr": "uk", "rus": "ru", "pol": "pl", "deu": "de", "ger": "de", "at": "de"},
    **{"eng": "en", "gb": "en", "us": "en", "fra": "fr", "fre": "fr", "ita": "it", "spa": "es"},
    **{"por": "pt", "nld": "nl", "dut": "nl", "fin": "fi", "hun": "hu", "tur": "tr"},
    **{"ara": "ar", "heb": "he", "iw": "he", "hin": "hi", "ind": "id", "in": "id", "vie": "vi"},
    **{"tha": "th", "fas": "fa", "per": "fa", "ir": "fa", "ron": "ro", "rum": "ro", "bul": "bg"},
    **{"fil": "tl", "tgl": "tl", "msa": "ms", "zlm": "ms", "epo": "eo", "lat": "la"},
}
"""What is often written, with the code that lid.176 has for it."""


def language_problem(code: str) -> str | None:
    """Why no document is ever of this language, by lid.176; None: some may be."""
    if code in LID_176:
        return None
    meant = MEANT.get(code)
    near = f"; did you mean {meant!r}?" if meant in LID_176 else did_you_mean(code, LID_176)
    return f"lid.176 calls no language {code!r}, so no document is of it{near}"
