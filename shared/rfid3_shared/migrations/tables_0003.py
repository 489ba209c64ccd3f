"""What do the tables look like at revision 0003? Those of 0002, and jobs have a lane. Frozen from its release on: write 0004 then."""

from sqlalchemy import Column, MetaData, String

from rfid3_shared.migrations import tables_0002 as before
from rfid3_shared.migrations.tables_0001 import NAMING

metadata = MetaData(naming_convention=NAMING)
for table in before.metadata.sorted_tables:
    table.to_metadata(metadata)

prediction_jobs = metadata.tables["prediction_jobs"]
prediction_jobs.append_column(Column("lane", String(12), nullable=False, default="batch"))
