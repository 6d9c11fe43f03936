"""The table of the sample service."""

from uuid import UUID

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.db.encryption import encrypted


class Base(DeclarativeBase):
    """The tables of this service."""


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID]
    text_sealed: Mapped[bytes | None]
    text = encrypted()
