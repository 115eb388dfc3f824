"""Which images are an SVG Tiny PS."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.trust.bimi.indicator import MAX_DEPTH, MAX_ELEMENTS, MAX_OCTETS, problem, unpacked
from tests.kit.linear import assert_linear
from tests.kit.marks import SVG

HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:x="urn:x"'
    ' version="1.2" baseProfile="tiny-ps"'
)


def svg(content: str, attributes: str = "", title: str = "<title>Example</title>") -> bytes:
    return f"{HEAD} {attributes}>{title}{content}</svg>".encode()


@pytest.mark.parametrize(
    "image",
    [
        SVG,
        b"\xef\xbb\xbf" + SVG,
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- made by hand -->\n' + SVG,
        svg(
            '<defs><linearGradient id="a"><stop offset="0" stop-color="#fff"/></linearGradient></defs>'
            '<g fill="url(#a)" transform="scale(2)"><path id="p" d="M0 0"/><use xlink:href="#p" x="1"/></g>'
        ),
        svg('<text xml:space="preserve" font-family="serif">a<tspan>b</tspan> &lt;&#65;</text>'),
        svg("<desc>See http://example.com, javascript: and data: are words</desc>"),
        svg("<use xlink:href='#nothing'/>"),
        svg("", 'xml:lang="en" width="9"'),
    ],
)
def test_images_that_may_be_shown(image: bytes) -> None:
    assert problem(image) == ""


@pytest.mark.parametrize(
    "image",
    [
        b"",
        b"x",
        b"<html/>",
        b"<svg/>",
        SVG[:-1],
        SVG + b"<svg/>",
        SVG.replace(b"tiny-ps", b"tiny"),
        SVG.replace(b'"1.2"', b'"1.1"'),
        SVG.replace(b' baseProfile="tiny-ps"', b""),
        svg("", 'x="1"'),
        svg("", 'y="0"'),
        svg("", title=""),
        svg("", title="<title> </title>"),
        svg("<g><title>Example</title></g>", title=""),
        svg("<script>x</script>"),
        svg("<image xlink:href='data:image/png;base64,AA'/>"),
        svg("<a xlink:href='#x'/>"),
        svg("<animate/>"),
        svg("<set/>"),
        svg("<style/>"),
        svg("<foreignObject/>"),
        svg("<svg/>"),
        svg("<x:rect/>"),
        svg("<rect onclick='x'/>"),
        svg("<rect ONload='x'/>"),
        svg("<rect style='fill:red'/>"),
        svg("<rect x:y='z'/>"),
        svg("<use href='#x'/>"),
        svg("<use xlink:href='http://example.com/#x'/>"),
        svg("<use xlink:href='a.svg#x'/>"),
        svg("<use xlink:href=''/>"),
        svg("<rect xml:base='http://example.com/'/>"),
        svg("<rect fill='url(http://example.com/#x)'/>"),
        svg("<rect fill='URL( a.svg)'/>"),
        svg("<rect fill='javascript:x'/>"),
        svg(r"<rect fill='u\72l(x.svg#a)'/>"),
        svg("<rect cursor='image-set(&quot;//evil.example/x&quot; 1x)'/>"),
        svg("<rect cursor='image-set(&quot;x&quot; 1x)'/>"),
        svg("<rect mask='src(&quot;x&quot;)'/>"),
        svg("<rect id='a'/><rect id='a'/>"),
        svg("<rect"),
        svg("&foo;"),
        b"<!DOCTYPE svg>" + SVG,
        b'<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG,
        b'<?xml-stylesheet href="http://example.com/x.css"?>' + SVG,
        SVG.decode().encode("utf-16"),
        SVG.replace(b"Example", b"Exampl\xe9"),
        svg("<g>" * MAX_DEPTH + "</g>" * MAX_DEPTH),
        svg("<g/>" * MAX_ELEMENTS),
        svg("<g " + " ".join(f"a{n}=''" for n in range(65)) + "/>"),
        svg("<g>" + " " * MAX_OCTETS + "</g>"),
    ],
)
def test_images_that_are_not_shown(image: bytes) -> None:
    assert problem(image)


def test_an_image_that_multiplies_itself() -> None:
    levels = "".join(f'<g id="a{n}">' + f'<use xlink:href="#a{n + 1}"/>' * 10 + "</g>" for n in range(6))
    assert problem(svg(f'{levels}<g id="a6"/>')) == "the image repeats its elements too often"
    assert problem(svg('<g id="a"><use xlink:href="#a"/></g>')) == "the image repeats its elements too often"
    chain = "".join(f'<g id="a{n}"><use xlink:href="#a{n + 1}"/></g>' for n in range(500))
    assert problem(svg(chain)) == "the image repeats its elements too often"


def test_compressed_images() -> None:
    assert unpacked(SVG) == SVG
    assert unpacked(gzip.compress(SVG)) == SVG
    assert unpacked(b"x" * (MAX_OCTETS + 1)) is None
    assert unpacked(gzip.compress(b"x" * (MAX_OCTETS + 1))) is None
    assert unpacked(gzip.compress(b"\0" * 100_000_000)) is None
    assert unpacked(gzip.compress(SVG)[:-9]) is None
    assert unpacked(b"\x1f\x8bxyz") is None


def test_the_largest_images_take_linear_time() -> None:
    assert_linear(problem, lambda size: svg("<g><g/></g>" * (size // 11)), MAX_OCTETS - 300)
    assert_linear(problem, lambda size: svg(f'<g fill="{"url (" * (size // 5)}"/>'), MAX_OCTETS - 300)


@given(st.binary())
def test_no_octets_are_an_error(octets: bytes) -> None:
    problem(octets)
    problem(svg("").replace(b"</svg>", octets + b"</svg>"))
    unpacked(octets)
    unpacked(b"\x1f\x8b\x08" + octets)


TAGS = [
    "<g>",
    "</g>",
    '<use xlink:href="#a"/>',
    '<g id="a">',
    '<g id="b" fill="url(#a)">',
    "<x:y>",
    "text",
    "<!--",
    "-->",
]
TAGS += ["<![CDATA[", "]]>", "&#0;", "&lt;", "<?a b?>", "\0", "é"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(TAGS)).map("".join))
def test_no_tags_are_an_error(content: str) -> None:
    problem(svg(content))
