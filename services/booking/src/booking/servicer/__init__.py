"""The RPCs of booking: a class for each proto service."""

from attune.booking.v1.booking_fact_service_pb2_grpc import (
    add_BookingFactServiceServicer_to_server,
)
from attune.booking.v1.booking_service_pb2_grpc import add_BookingServiceServicer_to_server
from attune.booking.v1.client_service_pb2_grpc import add_ClientServiceServicer_to_server
from attune.booking.v1.hold_service_pb2_grpc import add_HoldServiceServicer_to_server
from attune.booking.v1.occupancy_service_pb2_grpc import add_OccupancyServiceServicer_to_server
from booking.adapters.availability import Availability
from booking.servicer.bookings import BookingServicer
from booking.servicer.clients import ClientServicer
from booking.servicer.facts import BookingFactServicer
from booking.servicer.holds import HoldServicer
from booking.servicer.occupancy import OccupancyServicer
from booking.servicer.slots import SlotRequests
from common.clock import Clock
from common.db.database import Database
from common.rpc.server import Servicers


def servicers(database: Database, availability: Availability, clock: Clock) -> Servicers:
    """Return the servicers of this service."""
    slots = SlotRequests(database, availability)
    return [
        (add_BookingServiceServicer_to_server, BookingServicer(database, slots, clock)),
        (add_HoldServiceServicer_to_server, HoldServicer(database, slots, clock)),
        (add_OccupancyServiceServicer_to_server, OccupancyServicer(database, clock)),
        (add_BookingFactServiceServicer_to_server, BookingFactServicer(database)),
        (add_ClientServiceServicer_to_server, ClientServicer(database)),
    ]
