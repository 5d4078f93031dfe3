"""Obscene words and slurs of English, to measure how much of a text they are.

From the word list of better-profanity 0.7.0, without its phrases and spellings with symbols, and
without the third of its words that also have a harmless meaning (``organ``, ``kill``, ``LEN``,
names, anatomy, the vocabulary of news about crime), because a share of words must not rise in an
encyclopaedia. So the list finds pornography, abuse and chat, not hatred put politely, violence or
other languages; and a few of its words keep an innocent use (``cock``, ``Dick``).

better-profanity: Copyright (c) 2018 The Python Packaging Authority. Permission is hereby granted,
free of charge, to any person obtaining a copy of this software and associated documentation files
(the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the
Software, and to permit persons to whom the Software is furnished to do so, subject to the following
conditions: The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY
KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS
FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
THE SOFTWARE.
"""

_SEXUAL = """
4r5e anal anus assbang assbanged assfuck assfucker assfukka autoerotic ballsack bdsm beastial
beastiality bestial bestiality blowjob blowjobs boner boob boobs booobs boooobs booooobs booooooobs
buceta bukake bukkake busty butthole cawk clit clitoris clits cock cocks cocksuck cocksucked
cocksucker cocksucking cocksucks cokmuncher cum cuming cummer cumming cums cumshot cunilingus
cunillingus cunnilingus cuntlicker cuntlicking deepthroat dildo dildos dlck doggiestyle doggin
dogging doggystyle eatadick eathairpie ejaculate ejaculated ejaculates ejaculating ejaculatings
ejaculation ejakulate erotic erotism essohbee fannybandit fannyflaps fannyfucker felch felcher
felching fellate fellatio feltch feltcher femdom fingerfuck fingerfucked fingerfucker fingerfuckers
fingerfucking fingerfucks fistfuck fistfucked fistfucker fistfuckers fistfucking fistfuckings
fistfucks fisting fisty flogthelog footjob fuckmeat fuckpuppet fucktoy fucktrophy fudgepacker
futanari futanary gangbang gangbanged gangbangs gaysex gigolo goatse gokkun goldenshower gspot gtfo
handjob hardcoresex hardon hentai homoerotic hooker horniest horny hotsex j3rk0ff jism jiz jizm jizz
jizzed kootch kunilingus m45terbate ma5terb8 ma5terbate masterb8 masterbat3 masterbate masterbating
masterbation masterbations masturbate masturbating masturbation milf muffdiver muffpuff needthedick
nutbutter nutsack nympho orgasim orgasims orgasm orgasmic orgasms orgies orgy p0rn penis penisfucker
phonesex pimp pimpis poon poontang porn porno pornography pornos pussi pussies pussy pussyfart
pussypalace pussypounder pussys queef rimjaw rimjob rimming rumprammer schlong shemale shota
slutkiss smegma smut smutty spooge spunk t1t t1tt1e5 t1tties threesome titfuck tits tittie5
tittiefucker titties titty tittyfuck tittyfucker tittywank titwank tubgirl v14gra v1gra viagra
whoralicious whorealicious whorehopper whorehouse whoring
"""

_TOXIC = """
arrse arse arsehole ass asses asshole assmunch asswhole bastard bellend bimbo bimbos bitch bitches
bitchin bitching bullshit cnut cockface cockhead cockmunch cockmuncher crap cunt cunts damn dick
dickhead donkeyribber douch3 douche douchebag douchebags douchey duche dumass dumbass dumbasses
f4nny fag fagg fagged fagging faggit faggitt faggot faggs fagot fagots fags faig faigt fart
fartknocker fatass fcuk fcuker fcuking fecker floozy fooker fuck fucka fuckass fucked fucker fuckers
fuckface fuckhead fuckheads fuckhole fuckin fucking fuckings fuckingshitmotherfucker fuckme
fucknugget fucknut fuckoff fucks fucktard fuckup fuckwad fuckwhit fuckwit fuckyomama fuk fuker
fukker fukkin fukking fuks fukwhit fukwit fux fux0r fvck fxck gassyass gaylord godamn godamnit
goddam goddammit goddamn goddamned gook gooks h0m0 h0mo hamflap he11 heeb jackass jackhole jackoff
jerk0ff jerkoff kike kikes kinkyjesus kkk knobead knobed knobend knobhead knobjocky knobjokey kyke
l3itch lesbo lesbos lezbian lezbians lezbo lezbos lezzie lezzies lezzy lmfao m0f0 m0fo mafugly mof0
mofo mothafuck mothafucka mothafuckas mothafuckaz mothafucked mothafucker mothafuckers mothafuckin
mothafucking mothafuckings mothafucks motherfuck motherfucka motherfucked motherfucker motherfuckers
motherfuckin motherfucking motherfuckings motherfuckka motherfucks mtherfucker mthrfucker
mthrfucking muthafecker muthafuckaz muthafucker muthafuckker mutherfucker mutherfucking muthrfucking
n1g n1gg n1gga n1gger nigg nigg3r nigg4h nigga niggah niggas niggaz nigger niggers niglet nobhead
nobjocky nobjokey numbnuts pedo phuck phuk phuked phuking phukked phukking phuks phuq pigfucker
pillowbiter piss pissed pisser pissers pisses pissflaps pissin pissing pissoff poop prick pricks
punkass puto s0b sausagequeen sh1t shit shitdick shite shiteater shited shitey shitface shitfuck
shitfucker shitfull shithead shithole shithouse shiting shitings shits shitt shitted shitter
shitters shitting shittings shitty skank slut slutbucket slutdumper sluts spic spick stfu
sumofabiatch tosser tw4t twat twathead twats twatty twunt twunter w00se wank wanker wanky wetback
wh0re wh0reface whoar whore whored whoreface whores wigger wtf
"""

SEXUAL_WORDS = tuple(_SEXUAL.split())
"""What speaks of sex as pornography and chat do: acts, parts of the body, the trade."""

TOXIC_WORDS = tuple(_TOXIC.split())
"""Insults, slurs and swearing, those that are made of the words above too."""

OBSCENE_WORDS = SEXUAL_WORDS + TOXIC_WORDS
