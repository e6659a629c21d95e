"""What WeasyPrint's tags lack for PDF/A-3a and PDF/UA-1, mended before the file is written.

Lists of facts are tagged as lists whose items lie in boxes, those in columns as lists in a list, contents as items without a body, drawings by rectangles in
pixels from the top of the page. Here they become lists of items with label and body, and rectangles in points from the bottom. PDF/UA-1 is added to the
metadata, which says PDF/A-3a already.

Sources: ISO 32000-1, 14.8.4 (structure types); ISO 14289-1, 5 and 7; ISO 19005-3, 6.6.2.3 (schemas of properties).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_ACCESSIBLE = b"""<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" pdfuaid:part="1"/>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#"><pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>the part of ISO 14289 that the file conforms to</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>
"""
"""PDF/UA-1, and what that property is, as PDF/A asks for."""

POINTS = 0.75
"""Points (1/72 inch) in a CSS pixel."""


def finish(_: Any, file: Any) -> None:
    """Mend the tags and the metadata of a WeasyPrint document, right before it is written."""
    _declare_accessible(file)
    if "AF" in file.catalog:
        file.catalog["AF"][:] = dict.fromkeys(file.catalog["AF"])  # it names each attachment twice
    elements = [one for one in file.objects if isinstance(one, dict) and one.get("Type") == "/StructElem"]
    for element in elements:
        if element["S"] == "/L":
            _columns_in_list(file, element)
    for element in elements:
        match element["S"]:
            case "/L":
                _items_in_list(file, element)
            case "/Figure":
                _rectangle_in_points(file, element)
    for element in elements:
        if element["S"] == "/LI":
            _label_and_body(file, element)


def _declare_accessible(file: Any) -> None:
    (metadata,) = (one for one in file.objects if getattr(one, "extra", {}).get("Type") == "/Metadata")
    (packet,) = metadata.stream
    head, end, tail = packet.rpartition(b"</rdf:RDF>")
    assert end, "WeasyPrint writes its metadata as RDF"
    metadata.stream = [head + _ACCESSIBLE + end + tail]


def _of(file: Any, reference: Any) -> Any:
    """The object that a reference names (``12 0 R``); an empty one for a number of marked content."""
    return file.objects[int(reference.split()[0])] if isinstance(reference, bytes) else {}


def _kids(file: Any, element: Any) -> Iterator[Any]:
    for reference in element["K"]:
        yield _of(file, reference)


def _columns_in_list(file: Any, listed: Any) -> None:
    """A list set in columns is tagged as lists in a list: it is one."""
    kept = []
    for reference in listed["K"]:
        column = _of(file, reference)
        if column.get("S") != "/L":
            kept.append(reference)
            continue
        for inner in _kids(file, column):
            inner["P"] = listed.reference
        kept += column["K"]
        column["K"][:] = []
    listed["K"][:] = kept


def _items_in_list(file: Any, listed: Any) -> None:
    """Boxes that group a term with what is said of it become items; the term is the label."""
    for group in _kids(file, listed):
        if group.get("S") != "/Div":
            continue
        parts = list(_items_below(file, group))
        group["S"], group["K"][:] = "/LI", [part.reference for part in parts]
        for number, part in enumerate(parts):
            label = number == 0 and len(parts) > 1
            part["S"], part["P"] = "/Lbl" if label else "/LBody", group.reference
            for inner in _kids(file, part):
                if inner.get("S") == "/LBody":
                    inner["S"] = "/Span" if label else "/Div"


def _items_below(file: Any, element: Any) -> Iterator[Any]:
    for kid in _kids(file, element):
        if kid.get("S") == "/LI":
            yield kid
        elif kid.get("S") == "/Div":
            yield from _items_below(file, kid)


def _label_and_body(file: Any, item: Any) -> None:
    """An item's content that is neither label nor body goes into a body."""
    labels = [reference for reference in item["K"] if _of(file, reference).get("S") == "/Lbl"]
    rest = [reference for reference in item["K"] if reference not in labels]
    if all(_of(file, reference).get("S") == "/LBody" for reference in rest):
        return
    body = type(item)({"Type": "/StructElem", "S": "/LBody", "K": type(item["K"])(rest), "Pg": item["Pg"], "P": item.reference})
    file.add_object(body)
    for reference in rest:
        _of(file, reference)["P"] = body.reference
    item["K"][:] = [*labels, body.reference]


def _rectangle_in_points(file: Any, figure: Any) -> None:
    height = _of(file, figure["Pg"])["MediaBox"][3]
    left, top, right, bottom = (POINTS * pixels for pixels in figure["A"]["BBox"])
    figure["A"]["BBox"][:] = [left, height - bottom, right, height - top]
