"""How Celery is set up: it carries hints without arguments and may lose, double or delay them."""

from django.conf import settings
from kombu import Queue

from ccpa_office.lanes import LANES

broker_url = settings.REDIS_URL or "memory://"
broker_connection_timeout = 1
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_transport_options = {
    "visibility_timeout": 300,
    "socket_timeout": 3,
    "socket_connect_timeout": 1,
    "retry_on_timeout": False,
    "max_retries": 0,
}
redis_socket_timeout = 3
redis_socket_connect_timeout = 1

accept_content = ["json"]
task_serializer = "json"
task_ignore_result = True
task_acks_late = True
task_reject_on_worker_lost = True
task_publish_retry = False
task_time_limit = 60
task_soft_time_limit = 40
task_default_queue = "house"
task_queues = [Queue(lane, routing_key=lane) for lane in LANES]
task_routes = {f"drain.{lane}": {"queue": lane} for lane in LANES}
worker_prefetch_multiplier = 1
worker_max_tasks_per_child = 500
worker_send_task_events = False
worker_hijack_root_logger = False
timezone = settings.TIME_ZONE
beat_schedule = {"tick": {"task": "tick", "schedule": 10.0, "options": {"expires": 10}}}
