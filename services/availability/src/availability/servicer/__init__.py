"""The RPCs of this service, a class for each proto service."""

from attune.availability.v1.hours_service_pb2_grpc import add_HoursServiceServicer_to_server
from attune.availability.v1.physical_room_service_pb2_grpc import (
    add_PhysicalRoomServiceServicer_to_server,
)
from attune.availability.v1.policy_service_pb2_grpc import add_PolicyServiceServicer_to_server
from attune.availability.v1.practice_service_pb2_grpc import add_PracticeServiceServicer_to_server
from attune.availability.v1.provider_service_pb2_grpc import add_ProviderServiceServicer_to_server
from attune.availability.v1.service_type_service_pb2_grpc import (
    add_ServiceTypeServiceServicer_to_server,
)
from attune.availability.v1.slot_service_pb2_grpc import add_SlotServiceServicer_to_server
from availability.search.cache import Cache
from availability.servicer.hours import HoursServicer
from availability.servicer.physical_rooms import PhysicalRoomServicer
from availability.servicer.policies import PolicyServicer
from availability.servicer.practices import PracticeServicer
from availability.servicer.providers import ProviderServicer
from availability.servicer.service_types import ServiceTypeServicer
from availability.servicer.slots import SlotServicer
from common.clock import Clock
from common.db.database import Database
from common.rpc.server import Servicers


def servicers(database: Database, cache: Cache, clock: Clock) -> Servicers:
    """Return the servicers of this service."""
    return [
        (add_SlotServiceServicer_to_server, SlotServicer(cache, clock)),
        (add_ProviderServiceServicer_to_server, ProviderServicer(database, cache)),
        (add_PracticeServiceServicer_to_server, PracticeServicer(database, cache)),
        (add_HoursServiceServicer_to_server, HoursServicer(database, cache, clock)),
        (add_PhysicalRoomServiceServicer_to_server, PhysicalRoomServicer(database)),
        (add_ServiceTypeServiceServicer_to_server, ServiceTypeServicer(database, cache)),
        (add_PolicyServiceServicer_to_server, PolicyServicer(database, cache)),
    ]
