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

_WORDS = """
4r5e anal anus arrse arse arsehole ass assbang assbanged asses assfuck assfucker assfukka asshole
assmunch asswhole autoerotic ballsack bastard bdsm beastial beastiality bellend bestial bestiality
bimbo bimbos bitch bitches bitchin bitching blowjob blowjobs boner boob boobs booobs boooobs
booooobs booooooobs buceta bukake bukkake bullshit busty butthole cawk clit clitoris clits cnut
cock cockface cockhead cockmunch cockmuncher cocks cocksuck cocksucked cocksucker cocksucking
cocksucks cokmuncher crap cum cuming cummer cumming cums cumshot cunilingus cunillingus
cunnilingus cunt cuntlicker cuntlicking cunts damn deepthroat dick dickhead dildo dildos dlck
doggiestyle doggin dogging doggystyle donkeyribber douch3 douche douchebag douchebags douchey
duche dumass dumbass dumbasses eatadick eathairpie ejaculate ejaculated ejaculates ejaculating
ejaculatings ejaculation ejakulate erotic erotism essohbee f4nny fag fagg fagged fagging faggit
faggitt faggot faggs fagot fagots fags faig faigt fannybandit fannyflaps fannyfucker fart
fartknocker fatass fcuk fcuker fcuking fecker felch felcher felching fellate fellatio feltch
feltcher femdom fingerfuck fingerfucked fingerfucker fingerfuckers fingerfucking fingerfucks
fistfuck fistfucked fistfucker fistfuckers fistfucking fistfuckings fistfucks fisting fisty
flogthelog floozy fooker footjob fuck fucka fuckass fucked fucker fuckers fuckface fuckhead
fuckheads fuckhole fuckin fucking fuckings fuckingshitmotherfucker fuckme fuckmeat fucknugget
fucknut fuckoff fuckpuppet fucks fucktard fucktoy fucktrophy fuckup fuckwad fuckwhit fuckwit
fuckyomama fudgepacker fuk fuker fukker fukkin fukking fuks fukwhit fukwit futanari futanary fux
fux0r fvck fxck gangbang gangbanged gangbangs gassyass gaylord gaysex gigolo goatse godamn
godamnit goddam goddammit goddamn goddamned gokkun goldenshower gook gooks gspot gtfo h0m0 h0mo
hamflap handjob hardcoresex hardon he11 heeb hentai homoerotic hooker horniest horny hotsex
j3rk0ff jackass jackhole jackoff jerk0ff jerkoff jism jiz jizm jizz jizzed kike kikes kinkyjesus
kkk knobead knobed knobend knobhead knobjocky knobjokey kootch kunilingus kyke l3itch lesbo lesbos
lezbian lezbians lezbo lezbos lezzie lezzies lezzy lmfao m0f0 m0fo m45terbate ma5terb8 ma5terbate
mafugly masterb8 masterbat3 masterbate masterbating masterbation masterbations masturbate
masturbating masturbation milf mof0 mofo mothafuck mothafucka mothafuckas mothafuckaz mothafucked
mothafucker mothafuckers mothafuckin mothafucking mothafuckings mothafucks motherfuck motherfucka
motherfucked motherfucker motherfuckers motherfuckin motherfucking motherfuckings motherfuckka
motherfucks mtherfucker mthrfucker mthrfucking muffdiver muffpuff muthafecker muthafuckaz
muthafucker muthafuckker mutherfucker mutherfucking muthrfucking n1g n1gg n1gga n1gger needthedick
nigg nigg3r nigg4h nigga niggah niggas niggaz nigger niggers niglet nobhead nobjocky nobjokey
numbnuts nutbutter nutsack nympho orgasim orgasims orgasm orgasmic orgasms orgies orgy p0rn pedo
penis penisfucker phonesex phuck phuk phuked phuking phukked phukking phuks phuq pigfucker
pillowbiter pimp pimpis piss pissed pisser pissers pisses pissflaps pissin pissing pissoff poon
poontang poop porn porno pornography pornos prick pricks punkass pussi pussies pussy pussyfart
pussypalace pussypounder pussys puto queef rimjaw rimjob rimming rumprammer s0b sausagequeen
schlong sh1t shemale shit shitdick shite shiteater shited shitey shitface shitfuck shitfucker
shitfull shithead shithole shithouse shiting shitings shits shitt shitted shitter shitters
shitting shittings shitty shota skank slut slutbucket slutdumper slutkiss sluts smegma smut smutty
spic spick spooge spunk stfu sumofabiatch t1t t1tt1e5 t1tties threesome titfuck tits tittie5
tittiefucker titties titty tittyfuck tittyfucker tittywank titwank tosser tubgirl tw4t twat
twathead twats twatty twunt twunter v14gra v1gra viagra w00se wank wanker wanky wetback wh0re
wh0reface whoar whoralicious whore whorealicious whored whoreface whorehopper whorehouse whores
whoring wigger wtf
"""

OBSCENE_WORDS = tuple(_WORDS.split())
