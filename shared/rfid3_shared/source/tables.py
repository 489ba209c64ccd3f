"""Which of RFID3's tables and columns does the suite read?

The types are RFID3's (MySQL), mapped so that SQLite holds the same values. Personal and free-text columns (client_name,
last_scanned_by, scan_by, notes, status_notes, latitude, longitude, customer_no) are not declared here, so nothing can
select, import or write them. The suite never writes to these tables in RFID3's own database; only the embedded source
(an imported export, or the twin) is filled by us. Times are naive shop time. Source: design notes, "RFID3's tables".
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    UniqueConstraint,
)  # fmt: skip

from rfid3_shared.db import Identity, Seconds
from rfid3_shared.source.vocabulary import DEFECTS

source_metadata = MetaData()
Money = Numeric(12, 2, asdecimal=False)

DEFECT_COLUMNS = DEFECTS
PERSONAL_COLUMNS = frozenset(
    {"client_name", "last_scanned_by", "scan_by", "notes", "status_notes", "latitude", "longitude", "customer_no"}
)

items = Table(
    "id_item_master", source_metadata,
    Column("tag_id", String(255), primary_key=True),
    Column("rental_class_num", String(255), index=True),
    Column("common_name", String(255)),
    Column("quality", String(50)),
    Column("bin_location", String(255)),
    Column("status", String(50)),
    Column("last_contract_num", String(255)),
    Column("date_last_scanned", Seconds),
    Column("date_created", Seconds),
    Column("item_num", Integer, unique=True),
    Column("identifier_type", String(10)),
    Column("department", String(100)),
    Column("manufacturer", String(100)),
    Column("type_desc", String(50)),
    Column("turnover_ytd", Money),
    Column("turnover_ltd", Money),
    Column("repair_cost_ltd", Money),
    Column("sell_price", Money),
    Column("retail_price", Money),
    Column("home_store", String(10)),
    Column("current_store", String(10)),
    Column("quantity", Integer),
    Column("reorder_min", Integer),
    Column("reorder_max", Integer),
    Column("rental_rates", JSON),
    Column("data_source", String(20)),
)  # fmt: skip

scans = Table(
    "id_transactions", source_metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("contract_number", String(255)),
    Column("tag_id", String(255)),
    Column("scan_type", String(50)),
    Column("scan_date", Seconds),
    Column("common_name", String(255)),
    Column("bin_location", String(255)),
    Column("status", String(50)),
    Column("quality", String(50)),
    Column("location_of_repair", String(255)),
    *(Column(name, Boolean) for name in DEFECT_COLUMNS),
    Column("service_required", Boolean),
    Column("rental_class_num", String(255)),
    Column("date_created", Seconds),
    Column("date_updated", Seconds),
    Index("ix_scans_type_date", "scan_type", "scan_date"),
    Index("ix_scans_tag_date", "tag_id", "scan_date"),
)  # fmt: skip


def _mapping(name: str) -> Table:
    return Table(
        name, source_metadata,
        Column("rental_class_id", String(50), primary_key=True),
        Column("category", String(100)),
        Column("subcategory", String(100)),
        Column("short_common_name", String(50)),
    )  # fmt: skip


user_mappings = _mapping("user_rental_class_mappings")
default_mappings = _mapping("rental_class_mappings")

seed_classes = Table(
    "seed_rental_classes", source_metadata,
    Column("rental_class_id", String(255), primary_key=True),
    Column("common_name", String(255)),
    Column("bin_location", String(255)),
)  # fmt: skip

stores = Table(
    "store_mappings", source_metadata,
    Column("pos_store_code", String(10), unique=True),
    Column("store_id", String(10), primary_key=True),
    Column("store_name", String(100)),
    Column("location", String(100)),
    Column("is_active", Boolean),
)  # fmt: skip

pos_equipment = Table(
    "pos_equipment", source_metadata,
    Column("item_num", String(20), primary_key=True),
    Column("name", String(300)),
    Column("category", String(100)),
    Column("turnover_ytd", Money),
    Column("turnover_ltd", Money),
    Column("repair_cost_ytd", Money),
    Column("sell_price", Money),
    Column("current_store", String(10)),
    Column("inactive", Boolean),
)  # fmt: skip

pos_contracts = Table(
    "pos_transactions", source_metadata,
    Column("id", Identity, primary_key=True),
    Column("contract_no", String(50), nullable=False),
    Column("store_no", String(10), nullable=False),
    Column("status", String(50)),
    Column("contract_date", Seconds),
    Column("close_date", Seconds),
    Column("billed_date", Seconds),
    Column("completed_date", Seconds),
    Column("rent_amt", Money),
    Column("sale_amt", Money),
    Column("total", Money),
    Column("promised_delivery_date", Seconds),
    Column("actual_delivery_date", Seconds),
    Column("promised_pickup_date", Seconds),
    Column("actual_pickup_date", Seconds),
    Column("type", String(50)),
    UniqueConstraint("contract_no", "store_no", name="uq_pos_transactions_contract"),
)  # fmt: skip

pos_lines = Table(
    "pos_transaction_items", source_metadata,
    Column("id", Identity, primary_key=True),
    Column("contract_no", String(50), nullable=False),
    Column("line_number", Integer, nullable=False),
    Column("item_num", String(50)),
    Column("qty", Integer),
    Column("hours", Integer),
    Column("due_date", Seconds),
    Column("line_status", String(10)),
    Column("price", Money),
    Column("discount_percent", Numeric(6, 2, asdecimal=False)),
    Column("discount_amt", Money),
    Column("daily_amt", Money),
    Column("weekly_amt", Money),
    Column("monthly_amt", Money),
    Column("minimum_amt", Money),
    Column("meter_out", Numeric(12, 2, asdecimal=False)),
    Column("meter_in", Numeric(12, 2, asdecimal=False)),
    Column("downtime_hrs", Numeric(8, 2, asdecimal=False)),
    Column("retail_price", Money),
    Column("kit_field", String(255)),
    Column("confirmed_date", Seconds),
    UniqueConstraint("contract_no", "line_number", name="uq_pos_transaction_items_line"),
    Index("ix_pos_transaction_items_item", "item_num"),
)  # fmt: skip

external_factors = Table(
    "external_factors", source_metadata,
    Column("id", Identity, primary_key=True),
    Column("date", Date, nullable=False),
    Column("factor_type", String(50), nullable=False),
    Column("factor_name", String(100), nullable=False),
    Column("value", Numeric(12, 4, asdecimal=False)),
    Column("source", String(100)),
    Column("metadata", JSON),
    UniqueConstraint("date", "factor_type", "factor_name", name="uq_external_factors_factor"),
)  # fmt: skip

health_alerts = Table(
    # in a register of its own: read where RFID3 has it, neither imported nor made in the embedded source
    "inventory_health_alerts", MetaData(),
    Column("id", Identity, primary_key=True),
    Column("tag_id", String(255)),
    Column("rental_class_id", String(255)),
    Column("alert_type", String(50)),
    Column("severity", String(20)),
    Column("suggested_action", String(500)),
    Column("status", String(20)),
    Column("created_at", Seconds),
)  # fmt: skip
