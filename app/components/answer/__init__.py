"""What is told of a form that was sent."""

from app.components import Widget


class Answer(Widget):
    """Words about a form, {"asked": [its values], "words", "wrong": whether something is}; they are seen
    while the form says the same. Without `asked` they are about no form, and stay.

    What the form says now is told by "cgan:form" at the window, with its values: so an answer goes when a
    field changes, and one that comes late is never shown beside another question.
    """

    api = {"type": "object"}
    example = {"asked": [], "words": "", "wrong": False}
