"""What can a forecast be about? A class, subcategory, category or everything, in one store or overall."""

from dataclasses import dataclass

ALL = "all"


@dataclass(frozen=True)
class Node:
    """One line of the demand hierarchy."""

    level: str
    """class | subcategory | category | all"""
    name: str
    """Rental class number, `category / subcategory`, category, or `all`."""
    store: str
    """RFID3's store id, `000` for units whose store nobody knows, or `all`."""

    @property
    def key(self) -> str:
        """The node as one text, unique in the hierarchy."""
        return f"{self.level}|{self.name}|{self.store}"
