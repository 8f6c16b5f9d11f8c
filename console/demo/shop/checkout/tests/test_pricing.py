import unittest
from decimal import Decimal
from importlib import import_module

pricing = import_module("checkout.pricing")

LINES = [{"sku": "sku-1001", "price": "20.00", "quantity": 2}]


class Total(unittest.TestCase):
    def test_home_order_carries_tax(self) -> None:
        self.assertEqual(pricing.total({"country": "DE", "lines": LINES}, {}), Decimal("47.60"))

    def test_percent_voucher(self) -> None:
        order = {"country": "DE", "lines": LINES, "voucher": {"percent_off": 10}}
        self.assertEqual(pricing.total(order, {}), Decimal("42.84"))


if __name__ == "__main__":
    unittest.main()
