"""Classic test problems as forms: Robertson, HIRES, Oregonator, Van der Pol."""

from turncoat.simulate.engine.form import Constant, Expression, Form, Reaction, Rule, State


def rules(name: str, initial: dict[str, float], rates: dict[str, Expression]) -> Form:
    states = tuple(State(n, v, "", False) for n, v in initial.items())
    return Form(name, states, (), (), (), tuple(Rule(n, r) for n, r in rates.items()), ())


def robertson() -> Form:
    states = tuple(State(n, v, "", True) for n, v in {"a": 1.0, "b": 0.0, "c": 0.0}.items())
    reactions = (
        Reaction("slow", ("*", 0.04, "a"), (("a", -1.0, ""), ("b", 1.0, ""))),
        Reaction("fast", ("*", 3e7, ("^", "b", 2.0)), (("b", -1.0, ""), ("c", 1.0, ""))),
        Reaction("back", ("*", 1e4, "b", "c"), (("b", -1.0, ""), ("a", 1.0, ""))),
    )
    return Form("robertson", states, (), (), reactions, (), ())


def van_der_pol(stiffness: float) -> Form:
    curve: Expression = ("*", ("-", 1.0, ("^", "x", 2.0)), "v")
    rates: dict[str, Expression] = {"x": "v", "v": ("*", stiffness, ("-", curve, "x"))}
    return rules("van_der_pol", {"x": 2.0, "v": 0.0}, rates)


def oregonator() -> Form:
    return rules(
        "oregonator",
        {"x": 1.0, "y": 2.0, "z": 3.0},
        {
            "x": ("*", 77.27, ("+", "y", ("*", "x", ("-", ("-", 1.0, ("*", 8.375e-6, "x")), "y")))),
            "y": ("/", ("-", "z", ("*", ("+", 1.0, "x"), "y")), 77.27),
            "z": ("*", 0.161, ("-", "x", "z")),
        },
    )


def hires() -> Form:
    initial = {f"y{k}": 0.0 for k in range(1, 9)} | {"y1": 1.0, "y8": 0.0057}
    y = [""] + [f"y{k}" for k in range(1, 9)]

    def total(*terms: tuple[float, str]) -> Expression:
        return ("+", *(("*", weight, name) for weight, name in terms))

    pair: Expression = ("*", 280.0, y[6], y[8])
    return rules(
        "hires",
        initial,
        {
            "y1": ("+", total((-1.71, y[1]), (0.43, y[2]), (8.32, y[3])), 0.0007),
            "y2": total((1.71, y[1]), (-8.75, y[2])),
            "y3": total((-10.03, y[3]), (0.43, y[4]), (0.035, y[5])),
            "y4": total((8.32, y[2]), (1.71, y[3]), (-1.12, y[4])),
            "y5": total((-1.745, y[5]), (0.43, y[6]), (0.43, y[7])),
            "y6": ("-", total((0.69, y[4]), (1.71, y[5]), (-0.43, y[6]), (0.69, y[7])), pair),
            "y7": ("-", pair, ("*", 1.81, y[7])),
            "y8": ("-", ("*", 1.81, y[7]), pair),
        },
    )


def forced_decay() -> Form:
    """A rate that depends on time itself: y' = cos(t) - y."""
    return rules("forced", {"y": 0.5}, {"y": ("-", ("cos", "time"), "y")})


def bouncing() -> Form:
    """An event on a state: at height zero, the speed turns."""
    from turncoat.simulate.engine.form import Event

    states = (State("height", 1.0, "", False), State("speed", 0.0, "", False))
    fall = (Rule("height", "speed"), Rule("speed", ("neg", "g")))
    bounce = Event(
        "bounce",
        ("and", ("<=", "height", 0.0), ("<", "speed", 0.0)),
        True,
        (Rule("speed", ("neg", "speed")),),
    )
    return Form("bouncing", states, (Constant("g", 2.0, ""),), (), (), fall, (bounce,))


def predators() -> Form:
    """Lotka and Volterra: smooth, non-linear, not stiff."""
    meet: Expression = ("*", "x", "y")
    rates: dict[str, Expression] = {"x": ("-", "x", meet), "y": ("-", meet, "y")}
    return rules("predators", {"x": 1.5, "y": 0.7}, rates)
