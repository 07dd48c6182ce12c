"""Expressions of SBML as tuples, with function definitions written out."""

from typing import Any

from turncoat.errors import ModelError
from turncoat.simulate.engine.form import TIME, Expression

AVOGADRO = 6.02214076e23


def operators(libsbml: Any) -> dict[int, str]:
    """Name each node type of libSBML that the engine computes."""
    return {
        libsbml.AST_PLUS: "+",
        libsbml.AST_MINUS: "-",
        libsbml.AST_TIMES: "*",
        libsbml.AST_DIVIDE: "/",
        libsbml.AST_POWER: "^",
        libsbml.AST_FUNCTION_POWER: "^",
        libsbml.AST_FUNCTION_EXP: "exp",
        libsbml.AST_FUNCTION_LN: "ln",
        libsbml.AST_FUNCTION_ABS: "abs",
        libsbml.AST_FUNCTION_SIN: "sin",
        libsbml.AST_FUNCTION_COS: "cos",
        libsbml.AST_FUNCTION_TAN: "tan",
        libsbml.AST_FUNCTION_TANH: "tanh",
        libsbml.AST_FUNCTION_FLOOR: "floor",
        libsbml.AST_FUNCTION_CEILING: "ceil",
        libsbml.AST_FUNCTION_MIN: "min",
        libsbml.AST_FUNCTION_MAX: "max",
        libsbml.AST_FUNCTION_PIECEWISE: "piecewise",
        libsbml.AST_RELATIONAL_LT: "<",
        libsbml.AST_RELATIONAL_LEQ: "<=",
        libsbml.AST_RELATIONAL_GT: ">",
        libsbml.AST_RELATIONAL_GEQ: ">=",
        libsbml.AST_RELATIONAL_EQ: "==",
        libsbml.AST_RELATIONAL_NEQ: "!=",
        libsbml.AST_LOGICAL_AND: "and",
        libsbml.AST_LOGICAL_OR: "or",
        libsbml.AST_LOGICAL_NOT: "not",
    }


def constants(libsbml: Any) -> dict[int, Expression]:
    """Give each constant node type of libSBML."""
    return {
        libsbml.AST_NAME_TIME: TIME,
        libsbml.AST_NAME_AVOGADRO: AVOGADRO,
        libsbml.AST_CONSTANT_E: 2.718281828459045,
        libsbml.AST_CONSTANT_PI: 3.141592653589793,
        libsbml.AST_CONSTANT_TRUE: ("<", 0.0, 1.0),
        libsbml.AST_CONSTANT_FALSE: ("<", 1.0, 0.0),
    }


class Reader:
    """Turns the mathematics of one SBML model into expressions.

    Parameters
    ----------
    libsbml
        The module.
    model
        The SBML model, for its function definitions.
    """

    def __init__(self, libsbml: Any, model: Any) -> None:
        self.libsbml = libsbml
        self.operators = operators(libsbml)
        self.constants = constants(libsbml)
        self.functions = {
            model.getFunctionDefinition(k).getId(): model.getFunctionDefinition(k)
            for k in range(model.getNumFunctionDefinitions())
        }

    def read(self, node: Any, local: dict[str, Expression], where: str) -> Expression:
        """Read a node; ``local`` replaces names, ``where`` says whose it is in errors.

        Raises
        ------
        ModelError
            When it uses something outside the supported subset.
        """
        if node is None:
            raise ModelError(f"The SBML model gives no mathematics for {where}.")
        kind = node.getType()
        if node.isNumber():
            return float(node.getValue())
        if kind in self.constants:
            return self.constants[kind]
        if kind == self.libsbml.AST_NAME:
            return local.get(node.getName(), str(node.getName()))
        return self._apply(node, kind, local, where)

    def _apply(self, node: Any, kind: int, local: dict[str, Expression], where: str) -> Expression:
        arguments = [
            self.read(node.getChild(k), local, where) for k in range(node.getNumChildren())
        ]
        if kind in self.operators:
            return self._operation(self.operators[kind], arguments)
        if kind == self.libsbml.AST_FUNCTION_ROOT:
            degree, base = arguments if len(arguments) == 2 else (2.0, arguments[0])
            return ("sqrt", base) if degree == 2.0 else ("^", base, ("/", 1.0, degree))
        if kind == self.libsbml.AST_FUNCTION_LOG:
            return self._logarithm(arguments)
        if kind == self.libsbml.AST_FUNCTION and node.getName() in self.functions:
            return self._call(self.functions[node.getName()], arguments, where)
        name = node.getName() or self.libsbml.formulaToL3String(node)
        raise ModelError(
            f"The SBML model uses '{name}' in {where}; turncoat's engine has no such function "
            "(delays, rateOf and random draws are outside its core subset)."
        )

    @staticmethod
    def _operation(operator: str, arguments: list[Expression]) -> Expression:
        if operator == "-" and len(arguments) == 1:
            return ("neg", arguments[0])
        if operator in ("+", "*") and len(arguments) < 2:
            neutral = 0.0 if operator == "+" else 1.0
            return arguments[0] if arguments else neutral
        if operator in ("min", "max", "and", "or") and len(arguments) > 2:
            total = arguments[0]
            for argument in arguments[1:]:
                total = (operator, total, argument)
            return total
        return (operator, *arguments)

    @staticmethod
    def _logarithm(arguments: list[Expression]) -> Expression:
        base, argument = arguments if len(arguments) == 2 else (10.0, arguments[0])
        return ("log10", argument) if base == 10.0 else ("/", ("ln", argument), ("ln", base))

    def _call(self, function: Any, arguments: list[Expression], where: str) -> Expression:
        names = [function.getArgument(k).getName() for k in range(function.getNumArguments())]
        if len(names) != len(arguments):
            raise ModelError(f"Function '{function.getId()}' is called wrongly in {where}.")
        return self.read(
            function.getBody(), dict(zip(names, arguments, strict=True)), function.getId()
        )
