"""Names, addresses, dates of birth, places and ways of invented people."""

from datetime import datetime, timedelta
from random import Random

from benchmarks.personal.numbers import birth, words

SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石"
    "姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
COMPOUND = ("欧阳", "司马", "上官", "诸葛", "慕容", "皇甫", "令狐", "东方", "尉迟", "夏侯", "端木", "司徒")
GIVEN = (
    "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂玲红玉萍建国华文辉力志鹏飞宇浩然子涵梓轩欣怡佳琪思雨晨曦博睿俊凯婷雪梅琳倩颖"
    "慧莹珊琴云帆旭东海波斌毅健康永庆祥福瑞丹妮蕾洁薇媛蓉菲璐瑶彤诗语嘉豪泽恩哲翰昊天宁安乐晓春夏秋冬月星辰青松柏林森淼鑫焱"
)
MINORITY = (
    "买买提·艾力", "古丽娜尔·吐尔逊", "阿卜杜热合曼·玉苏甫", "迪丽努尔·艾合买提", "巴特尔·孟和", "扎西·顿珠", "阿依古丽·卡德尔", "努尔兰·哈力克",
)  # fmt: skip
DISTRICTS = (
    ("北京市", "", "朝阳区"), ("北京市", "", "海淀区"), ("上海市", "", "浦东新区"), ("上海市", "", "徐汇区"), ("天津市", "", "南开区"), ("重庆市", "", "渝北区"),
    ("广东省", "广州市", "天河区"), ("广东省", "深圳市", "宝安区"), ("广东省", "佛山市", "顺德区"), ("浙江省", "杭州市", "余杭区"), ("浙江省", "宁波市", "鄞州区"),
    ("江苏省", "南京市", "鼓楼区"), ("江苏省", "苏州市", "昆山市"), ("山东省", "青岛市", "市南区"), ("山东省", "济南市", "历下区"), ("河南省", "郑州市", "金水区"),
    ("湖北省", "武汉市", "洪山区"), ("湖南省", "长沙市", "岳麓区"), ("四川省", "成都市", "武侯区"), ("陕西省", "西安市", "雁塔区"), ("福建省", "厦门市", "思明区"),
    ("安徽省", "合肥市", "蜀山区"), ("辽宁省", "沈阳市", "和平区"), ("黑龙江省", "哈尔滨市", "南岗区"), ("河北省", "石家庄市", "裕华区"), ("江西省", "南昌市", "红谷滩区"),
    ("云南省", "昆明市", "五华区"), ("贵州省", "贵阳市", "观山湖区"), ("广西壮族自治区", "南宁市", "青秀区"), ("新疆维吾尔自治区", "乌鲁木齐市", "天山区"),
    ("内蒙古自治区", "呼和浩特市", "赛罕区"), ("甘肃省", "兰州市", "城关区"), ("海南省", "海口市", "龙华区"), ("山西省", "太原市", "小店区"),
)  # fmt: skip
COUNTRYSIDE = (
    ("河南省", "周口市", "太康县", "马头镇", "李庄村"), ("四川省", "南充市", "仪陇县", "新政镇", "石桥村"), ("安徽省", "阜阳市", "临泉县", "杨桥镇", "刘寨村"),
    ("贵州省", "毕节市", "大方县", "羊场镇", "穿岩村"), ("湖南省", "邵阳市", "隆回县", "滩头镇", "塘市村"), ("山东省", "菏泽市", "曹县", "青堌集镇", "王楼村"),
    ("江西省", "赣州市", "于都县", "罗坳镇", "大桥村"), ("甘肃省", "定西市", "通渭县", "马营镇", "华川村"), ("广东省", "茂名市", "化州市", "同庆镇", "新村"),
)  # fmt: skip
ROADS = words(
    "建设路 中山北路 人民西路 解放大道 长江路 文三路 桂花街 学府路 望京西路 科技南路 和平东街 凤凰大道 云锦路 银杏街 滨河东路 文昌街"
)
ESTATES = words(
    "阳光花园 翠湖小区 金色家园 万科城市花园 锦绣江南 幸福里小区 碧水湾 龙湖香醍 恒大绿洲 东方明珠花园 梧桐苑 和谐家园 融创御园"
)
TOWERS = words("创新大厦 国际商务中心 环球金融大厦 软件园 科技大厦")
STOPS = words(
    "望京西站 国贸 中关村 人民广场 徐家汇 陆家嘴 天府广场 珠江新城 体育西路 火车东站 武林广场 五道口 虹桥机场 万达广场 市第一医院 大学城"
)


def name(rng: Random) -> str:
    """A surname and one or two characters; seldom a compound surname or a name with ·."""
    kind = rng.random()
    if kind < 0.03:
        return rng.choice(MINORITY)
    surname = rng.choice(COMPOUND) if kind < 0.09 else rng.choice(SURNAMES)
    return surname + "".join(rng.choices(GIVEN, k=rng.choice((1, 2, 2, 2))))


def address(rng: Random) -> str:
    """To the door: street and number, estate, building, unit, flat; or village and group."""
    kind = rng.random()
    if kind < 0.15:
        return _village(rng)
    province, city, district = rng.choice(DISTRICTS)
    start = rng.choice(
        (province + city + district, province + city + district, (city or province) + district, district)
    )
    road = f"{rng.choice(ROADS)}{rng.randrange(1, 999)}号"
    if kind < 0.25:
        return f"{start}{rng.choice(ROADS)}{rng.randrange(10, 999)}弄{rng.randrange(1, 60)}号{_flat(rng)}室"
    if kind < 0.35:
        return f"{start}{road}{rng.choice(TOWERS)}{rng.choice('ABC')}座{_flat(rng)}室"
    if kind < 0.6:
        return f"{start}{road}{rng.choice(ESTATES)}{_door(rng)}"
    if kind < 0.8:
        return f"{start}{rng.choice(ESTATES)}{_door(rng)}"
    return f"{start}{road}{rng.choice(('院', '', ''))}{_door(rng)}"


def _flat(rng: Random) -> str:
    return f"{rng.randrange(1, 30)}{rng.randrange(1, 7):02d}"


def _door(rng: Random) -> str:
    building, unit, flat = rng.randrange(1, 40), rng.randrange(1, 6), _flat(rng)
    forms = (
        f"{building}栋{unit}单元{flat}室", f"{building}号楼{unit}单元{flat}", f"{building}幢{flat}室", f"{building}号楼{flat}室", f"{building}栋{flat}",
    )  # fmt: skip
    return rng.choice(forms)


def _village(rng: Random) -> str:
    province, city, county, town, village = rng.choice(COUNTRYSIDE)
    start = rng.choice((province + city + county, province + county, county))
    return (
        start
        + town
        + village
        + rng.choice(
            (
                f"{rng.randrange(1, 15)}组",
                f"{rng.randrange(1, 15)}组{rng.randrange(1, 90)}号",
                f"{rng.randrange(1, 300)}号",
            )
        )
    )


def birth_date(rng: Random) -> str:
    day = birth(rng)
    forms = (
        f"{day.year}年{day.month}月{day.day}日", f"{day.year}年{day.month:02d}月{day.day:02d}日", f"{day:%Y-%m-%d}", f"{day:%Y/%m/%d}", f"{day:%Y%m%d}",
        f"{day.year}.{day.month}.{day.day}",
    )  # fmt: skip
    return rng.choice(forms)


def point(rng: Random) -> tuple[float, float]:
    """Latitude and longitude of a place in the east of China."""
    return rng.uniform(22.0, 42.0), rng.uniform(103.0, 122.0)


def coordinates(rng: Random) -> str:
    latitude, longitude = point(rng)
    forms = (
        f"{latitude:.6f},{longitude:.6f}", f"{longitude:.6f},{latitude:.6f}", f"{latitude:.5f}, {longitude:.5f}", f"{longitude:.5f}，{latitude:.5f}",
        f"北纬{latitude:.4f}°，东经{longitude:.4f}°", f"东经{longitude:.5f}°、北纬{latitude:.5f}°", f"N{latitude:.5f}, E{longitude:.5f}",
    )  # fmt: skip
    return rng.choice(forms)


def coordinates_json(rng: Random) -> str:
    latitude, longitude = point(rng)
    return rng.choice(
        (f'"lat": {latitude:.6f}, "lng": {longitude:.6f}', f'"longitude":{longitude:.6f},"latitude":{latitude:.6f}')
    )


def track(rng: Random) -> str:
    """Where somebody was, and when: at least three points."""
    now = datetime(2024, rng.randrange(1, 12), rng.randrange(1, 28), rng.randrange(6, 12), rng.randrange(60))
    times = [now := now + timedelta(minutes=rng.randrange(7, 90)) for _ in range(rng.randrange(3, 6))]
    if rng.random() < 0.5:
        latitude, longitude = point(rng)
        rows = [
            f"{t:%Y-%m-%d %H:%M:%S},{longitude + rng.uniform(0, 0.05):.6f},{latitude + rng.uniform(0, 0.05):.6f}"
            for t in times
        ]
        return rng.choice(("\n", "; ")).join(rows)
    places = rng.sample(STOPS, len(times))
    verbs = rng.choices(("到", "抵达", "离开", "进入"), k=len(times))
    return rng.choice(("，", "；", " → ")).join(
        f"{t:%H:%M}{verb}{place}" for t, verb, place in zip(times, verbs, places, strict=True)
    )
