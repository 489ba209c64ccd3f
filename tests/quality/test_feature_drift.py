"""Is it noticed when items no longer live as those that the model learned from, and is it said when nobody can know?"""

import pytest
from driftlife import a_changed_shop_asks_for_training, short_records_are_said

from rfid3_quality import score
from rfid3_quality.settings import SERVICE, QualitySettings

pytestmark = pytest.mark.xdist_group("learned quality")


class TestWatch:
    async def test_short_records_are_said(self, settings: QualitySettings) -> None:
        """Ten months: training keeps no references, and the scoring job says what is missing instead of nothing."""
        await short_records_are_said(score.run, settings, SERVICE)

    async def test_a_changed_shop_asks_for_training(self, settings: QualitySettings) -> None:
        """Of the feature that moved there is one alert, seen again at the next look, and one training run; of the others none."""
        await a_changed_shop_asks_for_training(score.run, settings, SERVICE)
