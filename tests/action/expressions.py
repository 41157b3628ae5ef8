"""The expressions of workflows and actions, as far as ours use them: ${{ inputs.store != '' && always() }}.

What is not known is an error here, where GitHub makes it empty: a misspelt name is to be found by a test.
"""

import re

TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)|(?P<number>\d+)"
    r"|(?P<operator>==|!=|&&|\|\||[!().]))"
)
STATUS_FUNCTIONS = ("always", "success", "failure", "cancelled")


class ExpressionError(Exception):
    """An expression that has no value here."""


def tokens(text):
    found, position = [], 0
    while text[position:].strip():
        match = TOKEN.match(text, position)
        if not match:
            raise ExpressionError(f"cannot read {text[position:]!r} in {text!r}")
        found.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return found


class Parser:
    """Evaluates while it reads: both sides always, for an unknown name is an error on either."""

    def __init__(self, text, contexts, functions):
        self.text, self.contexts, self.functions = text, contexts, functions
        self.tokens = tokens(text)

    def value(self):
        value = self.either()
        if self.tokens:
            raise ExpressionError(f"cannot read {self.tokens[0][1]!r} in {self.text!r}")
        return value

    def take(self, operator):
        if self.tokens and self.tokens[0] == ("operator", operator):
            self.tokens.pop(0)
            return True
        return False

    def either(self):
        value = self.both()
        while self.take("||"):
            other = self.both()
            value = value if truth(value) else other
        return value

    def both(self):
        value = self.equal()
        while self.take("&&"):
            other = self.equal()
            value = other if truth(value) else value
        return value

    def equal(self):
        value = self.one()
        while True:
            if self.take("=="):
                value = same(value, self.one())
            elif self.take("!="):
                value = not same(value, self.one())
            else:
                return value

    def one(self):
        if self.take("!"):
            return not truth(self.one())
        if self.take("("):
            value = self.either()
            self.expect(")")
            return value
        if not self.tokens:
            raise ExpressionError(f"{self.text!r} ends too early")
        kind, token = self.tokens.pop(0)
        if kind == "string":
            return token[1:-1].replace("''", "'")
        if kind == "number":
            return int(token)
        if kind != "name":
            raise ExpressionError(f"cannot read {token!r} in {self.text!r}")
        if token in ("true", "false"):
            return token == "true"
        return self.call(token) if self.take("(") else self.property(token)

    def expect(self, operator):
        if not self.take(operator):
            raise ExpressionError(f"{operator} is missing in {self.text!r}")

    def call(self, name):
        self.expect(")")
        if name not in self.functions:
            raise ExpressionError(f"there is no function {name}() here")
        return self.functions[name]()

    def property(self, name):
        path, value = [name], self.contexts
        while True:
            if not isinstance(value, dict) or path[-1] not in value:
                raise ExpressionError(f"there is no {'.'.join(path)} here")
            value = value[path[-1]]
            if not self.take("."):
                return value
            path.append(self.tokens.pop(0)[1] if self.tokens else "")


def truth(value):
    return value not in (None, "", 0, False)


def same(one, other):
    return text_of(one).lower() == text_of(other).lower()


def text_of(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        raise ExpressionError("an object has no text")
    return "" if value is None else str(value)


def evaluated(template, contexts, functions=None):
    """The text with each ${{ … }} replaced by its value."""
    replaced = re.sub(
        r"\$\{\{(.*?)\}\}", lambda match: text_of(Parser(match.group(1), contexts, functions or {}).value()), str(template)
    )
    return replaced


def holds(condition, contexts, functions):
    """Whether a step with this `if:` runs. One that asks for no status runs only after success."""
    if condition is None:
        return functions["success"]()
    text = str(condition).strip()
    if text.startswith("${{") and text.endswith("}}"):
        text = text[3:-2]
    asks = any(("name", function) in tokens(text) for function in STATUS_FUNCTIONS)
    value = truth(Parser(text, contexts, functions).value())
    return value if asks else value and functions["success"]()
