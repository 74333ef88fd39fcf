"""Everything that can go wrong because of what a user gave us, as one tree; and `Waiting`, which is no error.

    HandfulError
    ├── RecipeError     a recipe or an override that does not fit (exit code 2)
    ├── DataError       an input file that cannot be read, or holds too little
    ├── CorruptFolder   a finished folder that is not what its manifest says
    ├── Locked          another process works on the same work folder
    ├── MissingModel    a model that is not on this machine
    ├── EndpointError   a model server that refuses us, or does not answer
    ├── BudgetReached   --max-usd or --max-calls does not allow the next request
    └── MissingExtra    an optional library that is not installed

Each message says where, what was found, what would fit and, if known, what to type.
Mistakes of our own are assertions and plain exceptions: they show a traceback.
"""

from __future__ import annotations


class Waiting(Exception):
    """Raised by a stage that people are still working on. Says how far they are, and where (exit code 3)."""


class HandfulError(Exception):
    """Base of every error that a user can cause, and can mend."""


class RecipeError(HandfulError, ValueError):
    """A recipe that does not fit. The message names the file and the key."""


class DataError(HandfulError, ValueError):
    """Input that cannot be read or is too little. The message names file, and line if there is one."""


class CorruptFolder(HandfulError):
    """A finished folder whose files differ from its manifest."""


class Locked(HandfulError):
    """Another process holds the work folder. The message says who, and since when."""


class MissingModel(HandfulError):
    """A model that is neither embedded, nor a folder, nor in the local hub cache."""


class EndpointError(HandfulError):
    """A model server refuses the key or the model, or does not answer. The message names its address."""


class BudgetReached(HandfulError):
    """The run may spend no more. Nothing that was paid for is lost: the same command with more money goes on."""


class MissingExtra(HandfulError, ImportError):
    """An optional library is not installed. The message is the command that installs it."""
