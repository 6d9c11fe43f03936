"""Booking and holding through the RPCs, with availability beside it (spec BK-1 to BK-6)."""

from datetime import timedelta
from functools import partial
from uuid import UUID

import grpc
import pytest
from attune.availability.v1 import availability_pb2, availability_service_pb2
from attune.booking.v1 import booking_pb2
from attune.booking.v1 import booking_service_pb2 as pb
from attune.booking.v1.booking_pb2 import (
    BOOKING_STATUS_CONFIRMED,
    BOOKING_STATUS_REQUESTED,
)
from attune.booking.v1.events_pb2 import BookingConfirmed, TakenTimeChanged
from attune.common.v1.types_pb2 import MODE_IN_PERSON, MODE_PHONE, MODE_TELEHEALTH, Money
from google.protobuf.timestamp_pb2 import Timestamp

from booking.store import clients
from booking.store.tables import Booking, Client
from common import ids
from common.database import EVERY_PRACTICE
from common.errors import Conflict, DomainError, Invalid, NotFound, Refused, Unavailable
from common.identity import VISITOR, Identity, acting_as
from common.testing import client, staff
from services.booking.tests.booking_world import NINE, NOW, Running, at_once, events
